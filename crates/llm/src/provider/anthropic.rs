//! Anthropic: <https://docs.anthropic.com/en/api/messages>

use super::{Ask, Auth, Dialect, Head, Operation, Provider, Quirks, Wire};

/// Anthropic itself. The base URL carries no `/v1`, as in its SDKs.
pub struct Anthropic;

impl Provider for Anthropic {
    fn id(&self) -> &'static str {
        "anthropic"
    }

    fn speaks(&self, operation: Operation, _model: &str) -> &'static [Wire] {
        match operation {
            Operation::Chat => &[Wire::Chat(Dialect::Anthropic)],
            Operation::CountTokens => &[Wire::Count(Dialect::Anthropic)],
            _ => &[],
        }
    }

    fn base_url(&self) -> Option<&'static str> {
        Some("https://api.anthropic.com")
    }

    fn key_env(&self) -> Option<&'static str> {
        Some("ANTHROPIC_API_KEY")
    }

    fn auth(&self) -> Auth {
        Auth::Header("x-api-key")
    }

    /// A native client chooses its API version and betas. A translated call is written in the form of 2023-06-01:
    /// from 2026-10-21 on, sampling parameters are refused.
    ///
    /// <https://docs.anthropic.com/en/api/versioning>
    fn head(&self, ask: &Ask<'_>) -> Head {
        Head {
            headers: &[("anthropic-version", "2023-06-01")],
            forward: &["anthropic-version", "anthropic-beta"],
            ..Head::at(match ask.wire {
                Wire::Count(_) => "/v1/messages/count_tokens",
                _ => "/v1/messages",
            })
        }
    }

    fn quirks(&self) -> Quirks {
        Quirks { takes_cache_marks: true, ..Quirks::NONE }
    }
}
