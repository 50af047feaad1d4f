//! Answers of the Responses API, for the questions that go on from them.

use crate::{
    Error, Store,
    requests::DELETE_STEP,
    sql::{Row, sql},
};
use futures_util::future::BoxFuture;
use gateway::responses::{KeptResponse, KeptTurn, ResponseStore, ResponseStoreDown, Seals};

/// Turns of the longest conversation that is followed.
const MOST_TURNS: i64 = 10_000;

impl Store {
    /// Forgets answers and seals from before this time (microseconds since 1970), in small steps. Says how many.
    ///
    /// # Errors
    /// The database cannot be written.
    pub async fn forget_responses_before(&self, time: i64) -> Result<u64, Error> {
        let mut forgotten = 0;
        for step in [
            "DELETE FROM responses WHERE (owner, id) IN (SELECT owner, id FROM responses WHERE created_at < $1 LIMIT $2)",
            "DELETE FROM seals WHERE (owner, digest) IN (SELECT owner, digest FROM seals WHERE created_at < $1 LIMIT $2)",
        ] {
            loop {
                let rows = sql(step).bind(time).bind(DELETE_STEP).run(&self.database).await?;
                if rows == 0 {
                    break;
                }
                forgotten += rows;
            }
        }
        Ok(forgotten)
    }

    async fn insert_response(&self, kept: &KeptResponse) -> Result<(), Error> {
        let turn = kept.turn.as_ref();
        sql("INSERT INTO responses (owner, id, account, target, previous, input, response, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (owner, id) DO NOTHING")
        .bind(&kept.owner)
        .bind(&kept.id)
        .bind(&kept.account)
        .bind(&kept.target)
        .bind(&kept.previous)
        .bind(turn.map(|turn| &turn.input))
        .bind(turn.map(|turn| &turn.response))
        .bind(kept.created_at)
        .run(&self.database)
        .await?;
        Ok(())
    }

    async fn response_chain(&self, owner: &str, id: &str, most: i64) -> Result<Vec<KeptResponse>, Error> {
        let rows = sql("WITH RECURSIVE chain (id, previous, depth) AS ( \
                SELECT id, previous, 0 FROM responses WHERE owner = $1 AND id = $2 \
                UNION ALL \
                SELECT r.id, r.previous, chain.depth + 1 FROM responses r JOIN chain ON r.id = chain.previous \
                WHERE r.owner = $1 AND chain.depth + 1 < $3) \
             SELECT r.owner, r.id, r.account, r.target, r.previous, r.input, r.response, r.created_at \
             FROM chain JOIN responses r ON r.owner = $1 AND r.id = chain.id ORDER BY chain.depth DESC")
        .bind(owner)
        .bind(id)
        .bind(most)
        .all(&self.database)
        .await?;
        rows.iter().map(kept).collect()
    }

    async fn forget_response(&self, owner: &str, id: &str) -> Result<bool, Error> {
        let done =
            sql("DELETE FROM responses WHERE owner = $1 AND id = $2").bind(owner).bind(id).run(&self.database).await?;
        Ok(done == 1)
    }

    async fn keep_seals(&self, seals: &Seals) -> Result<(), Error> {
        let mut change = self.database.change().await?;
        for digest in &seals.digests {
            sql("INSERT INTO seals (owner, digest, account, created_at) VALUES ($1, $2, $3, $4) \
                 ON CONFLICT (owner, digest) DO NOTHING")
            .bind(&seals.owner)
            .bind(digest)
            .bind(&seals.account)
            .bind(seals.created_at)
            .run(&mut change)
            .await?;
        }
        change.commit().await?;
        Ok(())
    }
}

impl ResponseStore for Store {
    fn keep_response<'a>(&'a self, kept: &'a KeptResponse) -> BoxFuture<'a, Result<(), ResponseStoreDown>> {
        Box::pin(async move { self.insert_response(kept).await.map_err(down) })
    }

    fn chain<'a>(&'a self, owner: &'a str, id: &'a str) -> BoxFuture<'a, Result<Vec<KeptResponse>, ResponseStoreDown>> {
        Box::pin(async move { self.response_chain(owner, id, MOST_TURNS).await.map_err(down) })
    }

    fn find<'a>(
        &'a self,
        owner: &'a str,
        id: &'a str,
    ) -> BoxFuture<'a, Result<Option<KeptResponse>, ResponseStoreDown>> {
        Box::pin(async move { Ok(self.response_chain(owner, id, 1).await.map_err(down)?.pop()) })
    }

    fn forget<'a>(&'a self, owner: &'a str, id: &'a str) -> BoxFuture<'a, Result<bool, ResponseStoreDown>> {
        Box::pin(async move { self.forget_response(owner, id).await.map_err(down) })
    }

    fn note_seals<'a>(&'a self, seals: &'a Seals) -> BoxFuture<'a, Result<(), ResponseStoreDown>> {
        Box::pin(async move { self.keep_seals(seals).await.map_err(down) })
    }

    fn sealed_by<'a>(
        &'a self,
        owner: &'a str,
        digest: &'a str,
    ) -> BoxFuture<'a, Result<Option<String>, ResponseStoreDown>> {
        Box::pin(async move {
            let row = sql("SELECT account FROM seals WHERE owner = $1 AND digest = $2")
                .bind(owner)
                .bind(digest)
                .first(&self.database)
                .await
                .map_err(down)?;
            row.map(|row| row.value()).transpose().map_err(down)
        })
    }
}

fn down(error: Error) -> ResponseStoreDown {
    ResponseStoreDown(error.to_string())
}

fn kept(row: &Row) -> Result<KeptResponse, Error> {
    let (input, response): (Option<String>, Option<String>) = (row.try_get("input")?, row.try_get("response")?);
    Ok(KeptResponse {
        id: row.try_get("id")?,
        owner: row.try_get("owner")?,
        account: row.try_get("account")?,
        target: row.try_get("target")?,
        previous: row.try_get("previous")?,
        turn: input.zip(response).map(|(input, response)| KeptTurn { input, response }),
        created_at: row.try_get("created_at")?,
    })
}
