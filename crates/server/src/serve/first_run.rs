//! The first start without a configuration: a key is made and shown once, with a call that works.

use std::net::SocketAddr;

use govern::{
    audit::Author,
    directory::Owner,
    key::{Env, Pepper},
};
use store::{NewKey, Store};

/// Makes the first key if there is none, and says how to use it.
///
/// # Errors
/// The store cannot be read or written.
pub async fn greet(store: &Store, pepper: &Pepper, address: SocketAddr) -> anyhow::Result<()> {
    if !store.keys().await?.is_empty() {
        eprintln!("Tollgate listens on http://{address}. Keys: `tollgate keys list`.");
        return Ok(());
    }
    let key = NewKey {
        env: Env::Live,
        name: "first".into(),
        owner: Owner::default(),
        models: vec!["*".into()],
        expires_at: None,
        parallel: None,
        created_at: gateway::clock::now_micros(),
    };
    let minted = store.create_key(&Author::new("system", key.created_at), pepper, &key).await?;
    eprintln!(
        r#"
Tollgate listens on http://{address}

Your first gateway key, shown this once:

    {key}

Try it (the `echo` model needs no provider):

    curl http://{address}/v1/chat/completions \
      -H "Authorization: Bearer {key}" \
      -H "Content-Type: application/json" \
      -d '{{"model": "echo", "messages": [{{"role": "user", "content": "Hello, Tollgate!"}}]}}'

Last requests: http://{address}/ (it asks for the admin token, which is in {token})
"#,
        key = minted.text.expose(),
        token = store.dir().join("admin_token").display(),
    );
    Ok(())
}
