//! What tests of this crate are made of.

use std::{collections::HashMap, sync::Arc};

use llm::{
    catalog::{self, Model},
    dialect::WriteFor,
    provider,
};

use crate::{
    access::Access,
    config::{
        Credential,
        snapshot::{Account, Handling, OnDisconnect, RetryRule, Route, Target, Timeouts},
    },
    directory::Owner,
    key::{KeyHash, KeyId, KeyRule, Origin},
    route::Strategy,
};

pub fn target(name: &str) -> Arc<Target> {
    target_with(name, 1, 1)
}

pub fn target_with(name: &str, priority: u32, weight: u32) -> Arc<Target> {
    let (account, model) = name.split_once('/').unwrap();
    let account = Account {
        name: account.into(),
        provider: provider::ALL[0],
        place: Default::default(),
        base_url: "http://127.0.0.1:9".into(),
        credential: Credential::None,
        deployments: HashMap::new(),
        handling: Handling { zero_retention: false, training: true },
        headers: vec![],
        forward_headers: vec![],
        timeouts: Timeouts::default(),
        on_disconnect: OnDisconnect::Cancel,
        prices: HashMap::new(),
        estimates: Vec::new(),
        costs: crate::config::snapshot::Costs::default(),
        ca_file: None,
        passthrough: None,
        structured_output: None,
    };
    let plain = Target::plain(&Arc::new(account), model);
    Arc::new(Target {
        name: name.into(),
        priority,
        weight,
        configured: true,
        known: None,
        price: None,
        write_for: WriteFor::default(),
        timeouts: Timeouts::default(),
        ..plain
    })
}

/// The target as a model of the catalogue whose context, in tokens, lies between these.
pub fn known(target: Arc<Target>, least: u64, most: u64) -> Arc<Target> {
    let fits = |model: &&Model| model.max_input_tokens.is_some_and(|tokens| (least..=most).contains(&tokens));
    let mut target = Arc::into_inner(target).unwrap();
    target.known = catalog::all().iter().find(fits);
    assert!(target.known.is_some());
    Arc::new(target)
}

pub fn route(name: &str, targets: Vec<Arc<Target>>) -> Route {
    Route { name: name.into(), targets, strategy: Strategy::Priority, retry: RetryRule::default(), strict: false }
}

/// A key that may call everything.
pub fn key() -> KeyRule {
    KeyRule {
        id: KeyId("000000000000".into()),
        name: "k".into(),
        owner: Owner::default(),
        principal: Arc::default(),
        hash: KeyHash([0; 32]),
        previous: None,
        models: vec!["*".into()],
        access: Access::default(),
        bounds: Arc::default(),
        expires_at: None,
        disabled: false,
        parallel: None,
        origin: Origin::File,
    }
}
