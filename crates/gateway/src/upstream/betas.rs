//! The betas of Anthropic's API that a client asks for, as far as a reseller knows them: those it does not know it refuses.

use http::HeaderMap;

/// Of the client's `anthropic-beta`, said in one header or several, those that are known; each once, in order.
#[must_use]
pub fn known_betas<'h>(headers: &'h HeaderMap, known: &[&str]) -> Vec<&'h str> {
    let mut betas = Vec::new();
    let said = headers.get_all("anthropic-beta").into_iter().filter_map(|value| value.to_str().ok());
    for beta in said.flat_map(|value| value.split(',')).map(str::trim) {
        if known.contains(&beta) && !betas.contains(&beta) {
            betas.push(beta);
        }
    }
    betas
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn betas_that_a_reseller_does_not_know_are_left_out() {
        let mut headers = HeaderMap::new();
        headers.append("anthropic-beta", "new-2026-11-01, a-2025-01-01".parse().unwrap());
        headers.append("anthropic-beta", "b-2025-02-02,a-2025-01-01".parse().unwrap());
        assert_eq!(known_betas(&headers, &["a-2025-01-01", "b-2025-02-02"]), ["a-2025-01-01", "b-2025-02-02"]);
        assert!(known_betas(&headers, &[]).is_empty());
    }
}
