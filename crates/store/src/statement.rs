//! The spend that a statement is made of.

use govern::chargeback::{
    calendar::month_start,
    plan::{Chargeback, Key, Owner},
    statement::{Spend, Statement, first_month, statement},
};

use crate::{By, Condition, Error, Grain, MOST_SPENT, Period, SpendQuery, Spent, Store};

impl Store {
    /// The statement of an owner for a month since January 1970.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn statement(&self, plan: &Chargeback, owner: &Owner, month: i64) -> Result<Statement, Error> {
        let mut spend = Spend::default();
        let among: Vec<&'static str> = plan
            .shared_costs
            .iter()
            .filter(|cost| cost.among == owner.level && matches!(cost.by, Key::Usage { .. }))
            .map(|cost| cost.among)
            .take(1)
            .collect();
        for month in first_month(plan, owner, month)..=month {
            let by = [By::Dimension("account"), By::Dimension("target_model")];
            let when = vec![Condition { by: By::Dimension(owner.level), value: owner.id.clone() }];
            let own = spend.own.entry(month).or_default();
            for spent in self.month(month, &by, when).await? {
                own.entry(pair(&spent)).or_default().add(&spent.figures);
            }
            for level in &among {
                let all = spend.all.entry((month, level)).or_default();
                for spent in self.month(month, &[By::Dimension("account"), By::Dimension(level)], Vec::new()).await? {
                    all.entry(pair(&spent)).or_default().add(&spent.figures);
                }
            }
        }
        Ok(statement(plan, owner, month, &spend))
    }

    /// All sums of a month.
    async fn month(&self, month: i64, by: &[By], when: Vec<Condition>) -> Result<Vec<Spent>, Error> {
        let period = Period { grain: Grain::Day, from: month_start(month), until: month_start(month + 1) };
        let mut query = SpendQuery { by: by.to_vec(), when, period, after: None, limit: MOST_SPENT };
        let mut all = Vec::new();
        loop {
            let page = self.spend(&query).await?;
            let whole = page.len() == MOST_SPENT as usize;
            query.after = page.last().map(|spent| spent.keys.clone());
            all.extend(page);
            if !whole {
                return Ok(all);
            }
        }
    }
}

fn pair(spent: &Spent) -> (String, String) {
    let key = |at: usize| spent.keys.get(at).cloned().unwrap_or_default();
    (key(0), key(1))
}
