//! What a model's name says of its generation, where the generations want the same said differently.

/// A generation of Gemini. Names that say none (`gemini-flash-latest`, a tuned model's) are taken for the newest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Family {
    major: u32,
    pub pro: bool,
    /// `gemini-2.5` and its like: the first that think.
    thinks: bool,
}

const NEWEST: u32 = 3;

impl Family {
    /// `gemini-2.5-flash`, `models/gemini-3-pro-preview`, `publishers/google/models/gemini-2.0-flash`.
    pub fn of(model: &str) -> Self {
        let name = model.rsplit('/').next().unwrap_or(model);
        let version = name.strip_prefix("gemini-").and_then(|rest| rest.split('-').next()).unwrap_or_default();
        let (major, minor) = version.split_once('.').unwrap_or((version, "0"));
        let major = major.parse().unwrap_or(NEWEST);
        Self { major, pro: name.contains("-pro"), thinks: major >= 3 || (major == 2 && minor == "5") }
    }

    /// It takes `thinkingLevel`; those before take `thinkingBudget`.
    pub fn thinks_by_level(self) -> bool {
        self.major >= 3
    }

    pub fn thinks(self) -> bool {
        self.thinks
    }

    /// It refuses a function call of its own whose signature does not come back.
    pub fn wants_signatures(self) -> bool {
        self.major >= 3
    }

    /// The result of a function may hold pictures and documents.
    pub fn takes_media_results(self) -> bool {
        self.major >= 3
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_says_the_generation() {
        let of = |name| (Family::of(name).thinks_by_level(), Family::of(name).thinks(), Family::of(name).pro);
        assert_eq!(of("gemini-2.5-pro"), (false, true, true));
        assert_eq!(of("models/gemini-2.0-flash"), (false, false, false));
        assert_eq!(of("gemini-3-pro-preview"), (true, true, true));
        assert_eq!(of("gemini-3.5-flash"), (true, true, false));
        assert_eq!(of("gemini-flash-latest"), (true, true, false));
        assert_eq!(of("tunedModels/mine"), (true, true, false));
        assert_eq!(of("gemini-1.5-flash"), (false, false, false));
    }
}
