//! Where a sum of spend belongs: whose it is, what answered, and by which price.

use std::collections::BTreeMap;

use llm::price::{Price, Served, Terms};
use serde::{Deserialize, Serialize};

/// Lists the texts of a place, each with the name that queries call it by.
macro_rules! dimensions {
    ($($(#[doc = $doc:literal])* $field:ident,)+) => {
        /// What all calls of one sum have in common. An empty text says that there is none.
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
        #[serde(default)]
        pub struct Place {
            $($(#[doc = $doc])* pub $field: String,)+
            /// Tags of the caller, of those that the configuration chose.
            pub tags: BTreeMap<String, String>,
            /// What else moved the price.
            pub basis: Basis,
        }

        /// The names of the texts of a place. The columns of the store are called the same.
        pub const DIMENSIONS: &[&str] = &[$(stringify!($field)),+];

        impl Place {
            /// The texts, in the order of [`DIMENSIONS`].
            #[must_use]
            pub fn texts(&self) -> [&str; DIMENSIONS.len()] {
                [$(&self.$field),+]
            }

            /// The text of this name, to be changed.
            pub fn text_mut(&mut self, name: &str) -> Option<&mut String> {
                match name {
                    $(stringify!($field) => Some(&mut self.$field),)+
                    _ => None,
                }
            }
        }
    };
}

dimensions! {
    /// The tenant.
    organization,
    division,
    team,
    project,
    user,
    virtual_account,
    /// The id of the gateway key.
    key,
    /// As the client asked for it; none of a request that no target answered.
    model,
    /// The account with a provider.
    account,
    /// The provider's name of the model that was asked.
    target_model,
    /// The model that the provider says answered.
    served_model,
    /// How the request ended: `success`, `refused`, `failed`, `partial`, `client_disconnected`.
    outcome,
    /// The version of the price; `stated` if the provider said what it cost.
    price,
}

/// What else moved the price of all calls of one sum: with the price, it gives the rate of every unit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Basis {
    /// The service tier that served it, unless it was the ordinary one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tier: Option<String>,
    /// What was asked for that moves the price, in the provider's words.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub words: Vec<String>,
    /// The region, if that moved the price.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// The first length of a prompt that pays the rates that were paid; 0 for the ordinary ones.
    #[serde(skip_serializing_if = "is_default")]
    pub long_from: u64,
    /// Hundredths of a percent off the list price.
    #[serde(skip_serializing_if = "is_default")]
    pub discount: u32,
    /// Hundredths of a percent on what remains.
    #[serde(skip_serializing_if = "is_default")]
    pub margin: u32,
}

impl Basis {
    /// Whether nothing moved the price.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        *self == Self::default()
    }

    #[must_use]
    pub fn terms(&self) -> Terms {
        Terms { discount: self.discount, margin: self.margin }
    }

    /// The rates that hold at this place: what each unit of a usage was charged for.
    #[must_use]
    pub fn rates(&self, price: &Price, usage: &llm::Usage) -> Vec<llm::price::Line> {
        let words: Vec<&str> = self.words.iter().map(String::as_str).collect();
        let served = Served { tier: self.tier.as_deref(), region: self.region.as_deref(), words: &words };
        price.lines(usage, self.long_from, &served)
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
