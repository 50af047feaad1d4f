//! Which target, in which order, and when a further try is made.
//!
//! Everything here is pure: the seed of a draw and the health of targets are arguments.

pub mod backoff;
mod draw;
pub mod plan;
mod priority;
mod weighted;

use std::sync::Arc;

pub use backoff::{Again, again};
pub use plan::{Ask, Plan, Standing, plan};

use crate::config::snapshot::Target;
use draw::Draw;

/// Lists the strategies: variant, name in the configuration, file, meaning.
macro_rules! strategies {
    ($($variant:ident $name:literal $file:ident $meaning:literal;)+) => {
        /// How the targets of a model are ordered.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Strategy { $(#[doc = $meaning] $variant),+ }

        impl Strategy {
            /// All of them, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The name in the configuration.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            /// One sentence for the documentation.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning),+ }
            }

            /// The targets in the order in which they are tried.
            fn order(self, targets: &mut [Arc<Target>], draw: &mut Draw) {
                match self { $(Self::$variant => $file::order(targets, draw)),+ }
            }
        }
    };
}

strategies! {
    Priority "priority" priority "Lowest `priority` first; among equals a draw by `weight`.";
    Weighted "weighted" weighted "A draw by `weight` among all targets; `priority` plays no part.";
}

impl Strategy {
    /// The strategy with this name.
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|strategy| strategy.as_str() == name)
    }
}
