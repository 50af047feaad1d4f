//! The stored part of the tree: what is changed is changed whole, one change after the other.

use std::sync::Arc;

use govern::{
    audit::Author,
    config::raw::{RawDirectory, RawTeam},
};
use store::{Error, Kind, Store};

fn team(name: &str) -> RawTeam {
    RawTeam { name: Some(name.to_owned()), ..RawTeam::default() }
}

async fn put(store: &Store, id: &str, name: &str) {
    let change = |tree: &mut RawDirectory| {
        tree.teams.insert(id.to_owned(), team(name));
        Ok::<_, Error>(())
    };
    store.change_tree(&Author::new("test", 1), change).await.unwrap();
}

pub async fn a_tree_comes_back_and_others_notice_its_changes(store: &Store, another: &Store) {
    assert_eq!(another.tree().await.unwrap(), RawDirectory::default());
    let before = another.version_of(Kind::Directory).await.unwrap();
    put(store, "red", "Red \"team\" <b>").await;
    put(store, "blue", "Blue").await;
    put(store, "blue", "Navy").await;
    let tree = another.tree().await.unwrap();
    assert_eq!(tree.teams.get("red"), Some(&team("Red \"team\" <b>")));
    assert_eq!(tree.teams.get("blue"), Some(&team("Navy")));
    assert!(another.version_of(Kind::Directory).await.unwrap() > before);
    store.change_tree(&Author::new("test", 2), |tree| Ok::<_, Error>(tree.teams.remove("red"))).await.unwrap();
    assert_eq!(another.tree().await.unwrap().teams.keys().collect::<Vec<_>>(), ["blue"]);
}

pub async fn a_change_that_is_refused_leaves_nothing_behind(store: &Store, another: &Store) {
    put(store, "red", "Red").await;
    let before = (another.tree().await.unwrap(), another.version_of(Kind::Directory).await.unwrap());
    let refuse = |tree: &mut RawDirectory| {
        tree.teams.clear();
        Err::<(), _>(Error::Damaged { what: "a wish".into(), problem: "refused".into() })
    };
    assert!(store.change_tree(&Author::new("test", 1), refuse).await.is_err());
    assert_eq!((another.tree().await.unwrap(), another.version_of(Kind::Directory).await.unwrap()), before);
}

pub async fn changes_are_made_one_after_the_other(store: &Store, another: &Store) {
    let stores = [Arc::new(store.clone()), Arc::new(another.clone())];
    let add = |n: usize| {
        let store = stores[n % 2].clone();
        async move {
            let change = |tree: &mut RawDirectory| {
                // Each sees all that was there before it.
                let next = tree.teams.len();
                tree.teams.insert(format!("t{next}"), team("t"));
                Ok::<_, Error>(())
            };
            store.change_tree(&Author::new("test", 1), change).await.unwrap();
        }
    };
    futures_util::future::join_all((0..10).map(add)).await;
    assert_eq!(store.tree().await.unwrap().teams.len(), 10);
}
