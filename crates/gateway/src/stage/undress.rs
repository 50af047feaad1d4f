//! Anthropic's body in a reseller's form: the version and the betas stand in it, and the path says what its maker's own API
//! reads in it. It is brought to the maker's form at the door, so that all behind it need not know the reseller.

use bytes::Bytes;
use govern::{Code, Error};
use http::{HeaderMap, HeaderName, HeaderValue};
use llm::dialect::bedrock::invoke::{is_anthropic, undress};

use super::read::unreadable;
use crate::{http::Surface, upstream::known_betas};

/// A body in the form in which it goes on.
pub(super) struct Undressed {
    /// The surface that it is on, which the body tells.
    pub surface: Surface,
    /// The model, where the path still says it.
    pub model: Option<String>,
    pub body: Bytes,
}

/// Brings a body to its maker's form, and the betas in it to the headers.
///
/// # Errors
/// 400 if it cannot be governed, or is not Anthropic's where only Anthropic's is understood.
pub(super) fn undressed(
    surface: Surface,
    model: Option<String>,
    headers: &mut HeaderMap,
    body: Bytes,
) -> Result<Undressed, Error> {
    let stream = match surface {
        Surface::Invoke | Surface::RawPredict | Surface::RawCountTokens => false,
        Surface::InvokeStream | Surface::StreamRawPredict => true,
        _ => return Ok(Undressed { surface, model, body }),
    };
    if !is_anthropic(&body) {
        if surface.wraps() {
            return Ok(Undressed { surface: Surface::InvokeOther { stream }, model, body });
        }
        let message = "`anthropic_version` is missing: send the body of Anthropic's Messages API for Vertex AI";
        return Err(Error::new(Code::InvalidRequest, message).at("anthropic_version"));
    }
    let (body, mut betas) = undress(body, model, stream).map_err(unreadable)?;
    // Anthropic's own library says them in both places.
    let said: Vec<&str> = betas.iter().map(String::as_str).collect();
    let said = known_betas(headers, &said).join(",");
    betas.retain(|beta| !said.split(',').any(|known| known == beta));
    for beta in betas {
        let value = HeaderValue::try_from(beta).map_err(|_| {
            Error::new(Code::InvalidRequest, "`anthropic_beta` must be names of betas").at("anthropic_beta")
        })?;
        headers.append(HeaderName::from_static("anthropic-beta"), value);
    }
    Ok(Undressed { surface, model: None, body })
}
