use std::sync::{Mutex, atomic::AtomicI64};

use govern::{
    config::{build::check_raw, raw::Raw},
    key::{Env, Minted, Origin},
};
use tokio::sync::Notify;

use super::*;

/// A store of one key that can change, fail, and keep an answer back.
struct Source {
    key: Mutex<Option<KeyRule>>,
    version: AtomicI64,
    down: AtomicBool,
    slow: AtomicBool,
    go: Notify,
    changed: Notify,
}

impl KeySource for Source {
    fn find<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<Arc<KeyRule>>, KeySourceDown>> {
        Box::pin(async move {
            if self.down.load(Ordering::SeqCst) {
                return Err(KeySourceDown("test".into()));
            }
            let read = self.key.lock().unwrap().clone().filter(|rule| rule.id.0 == id).map(Arc::new);
            if self.slow.load(Ordering::SeqCst) {
                self.go.notified().await;
            }
            Ok(read)
        })
    }

    fn version(&self) -> BoxFuture<'_, Result<i64, KeySourceDown>> {
        let down = self.down.load(Ordering::SeqCst);
        let version = self.version.load(Ordering::SeqCst);
        Box::pin(async move { if down { Err(KeySourceDown("test".into())) } else { Ok(version) } })
    }

    fn may_have_changed(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.changed.notified())
    }
}

struct Setting {
    source: Arc<Source>,
    ring: Arc<Keyring>,
    rules: Rules,
    minted: Minted,
}

impl Setting {
    async fn new() -> Self {
        let pepper = Pepper::new(&[7; 32]);
        let minted = Minted::new(Env::Test, &[9; govern::key::RANDOM_BYTES]);
        let rule = KeyRule {
            id: minted.id.clone(),
            name: "a".into(),
            owner: Default::default(),
            principal: Arc::default(),
            hash: minted.hash(&pepper),
            previous: None,
            models: vec!["*".into()],
            access: Default::default(),
            bounds: Arc::default(),
            expires_at: None,
            disabled: false,
            parallel: None,
            origin: Origin::Store,
        };
        let source = Arc::new(Source {
            key: Mutex::new(Some(rule)),
            version: AtomicI64::new(1),
            down: AtomicBool::default(),
            slow: AtomicBool::default(),
            go: Notify::new(),
            changed: Notify::new(),
        });
        let ring = Arc::new(Keyring::new(pepper, source.clone(), Counter::default()));
        let draft = check_raw(&Raw::default(), &|_| None, &|_| Ok(()), 0).draft.unwrap();
        let rules = draft.into_rules(&Pepper::new(&[7; 32]), 1);
        let setting = Self { source, ring, rules, minted };
        setting.follow().await;
        setting
    }

    /// Lets the keyring notice what there is.
    async fn follow(&self) {
        let once = async { tokio::time::sleep(Duration::from_millis(10)).await };
        tokio::select! { () = self.ring.follow() => {}, () = once => {} }
    }

    async fn find(&self) -> Result<Option<bool>, KeySourceDown> {
        let key = Parsed::parse(self.minted.text.expose()).unwrap();
        Ok(self.ring.find(&self.rules, &key).await?.map(|rule| rule.disabled))
    }

    fn disable(&self) {
        self.source.key.lock().unwrap().as_mut().unwrap().disabled = true;
        self.source.version.fetch_add(1, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn a_known_key_is_asked_for_once_until_something_changes() {
    let setting = Setting::new().await;
    for _ in 0..3 {
        assert_eq!(setting.find().await.unwrap(), Some(false));
    }
    assert_eq!(setting.ring.asked.get(), 1);
    setting.disable();
    setting.follow().await;
    assert_eq!(setting.find().await.unwrap(), Some(true));
    assert_eq!(setting.ring.asked.get(), 2);
}

#[tokio::test]
async fn fault_014_a_known_key_outlives_the_store_even_after_a_change_of_another() {
    let setting = Setting::new().await;
    assert_eq!(setting.find().await.unwrap(), Some(false));
    // Another key changes: ours must be asked for again, and just then the store goes away.
    setting.source.version.fetch_add(1, Ordering::SeqCst);
    setting.follow().await;
    setting.source.down.store(true, Ordering::SeqCst);
    assert_eq!(setting.find().await.unwrap(), Some(false), "the store fails while it is asked");
    setting.follow().await;
    assert_eq!(setting.find().await.unwrap(), Some(false), "the store is known to be down");
    let stranger = Minted::new(Env::Test, &[8; govern::key::RANDOM_BYTES]);
    let key = Parsed::parse(stranger.text.expose()).unwrap();
    assert!(setting.ring.find(&setting.rules, &key).await.is_err(), "an unknown key is not called wrong");
    setting.source.down.store(false, Ordering::SeqCst);
    setting.disable();
    setting.follow().await;
    assert_eq!(setting.find().await.unwrap(), Some(true), "it is back, and so are its changes");
    assert!(setting.ring.find(&setting.rules, &key).await.unwrap().is_none());
}

#[tokio::test]
async fn case_097_an_answer_from_before_a_change_is_not_written_back_after_it() {
    let setting = Setting::new().await;
    setting.source.slow.store(true, Ordering::SeqCst);
    let key = Parsed::parse(setting.minted.text.expose()).unwrap();
    let slow = setting.ring.find(&setting.rules, &key);
    let change = async {
        tokio::task::yield_now().await;
        setting.disable();
        setting.follow().await;
        setting.source.slow.store(false, Ordering::SeqCst);
        setting.source.go.notify_one();
    };
    let (old, ()) = tokio::join!(slow, change);
    assert!(!old.unwrap().unwrap().disabled, "it was asked before the change");
    assert_eq!(setting.find().await.unwrap(), Some(true));
}
