//! The order in which a call tries its targets.

use std::sync::Arc;

use super::{Draw, Strategy};
use crate::{Code, Error, config::snapshot::Target};

/// Targets in the order in which they are tried. Never empty.
#[derive(Debug, Clone)]
pub struct Plan {
    pub targets: Vec<Arc<Target>>,
}

/// What the order depends on besides the route.
pub struct Ask<'a> {
    /// Tokens of the prompt, reckoned; `None` where nobody counted.
    pub prompt_tokens: Option<u64>,
    /// A fresh number per call.
    pub seed: u64,
    /// How targets fare.
    pub standing: &'a dyn Fn(&Target) -> Standing,
}

/// How a target fares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    Ready,
    /// It failed lately: it comes last, but it does not vanish, so that the only target of a model is still tried.
    CoolingDown,
}

/// Orders the targets that the caller may use.
///
/// A target whose context is known to be too small for the prompt is left out.
///
/// # Errors
/// `ContextWindow` if the prompt fits no target.
pub fn plan(strategy: Strategy, allowed: &[Arc<Target>], ask: &Ask<'_>) -> Result<Plan, Error> {
    let mut targets: Vec<_> = allowed.iter().filter(|target| fits(target, ask.prompt_tokens)).cloned().collect();
    if targets.is_empty() {
        let largest = allowed.iter().filter_map(|target| context(target)).max().unwrap_or_default();
        let message = format!(
            "the prompt has about {} tokens, and no target of this model takes more than {largest}",
            ask.prompt_tokens.unwrap_or_default()
        );
        return Err(Error::new(Code::ContextWindow, message).at("messages"));
    }
    strategy.order(&mut targets, &mut Draw(ask.seed));
    // Stable: the strategy's order holds among the ready and among the others.
    targets.sort_by_key(|target| (ask.standing)(target) == Standing::CoolingDown);
    Ok(Plan { targets })
}

/// The estimate errs upwards, so a target is left out only if the prompt is too large even when a quarter of it is error.
fn fits(target: &Target, prompt_tokens: Option<u64>) -> bool {
    match (context(target), prompt_tokens) {
        (Some(most), Some(prompt)) => prompt.saturating_sub(prompt / 4) <= most,
        _ => true,
    }
}

fn context(target: &Target) -> Option<u64> {
    target.known.and_then(|model| model.max_input_tokens)
}

#[cfg(test)]
mod tests;
