//! Pull requests.

use crate::github::issue::State;
use crate::github::json;
use crate::github::permission::Need;
use crate::github::refusal::Refusal;
use crate::github::reply::Reply;
use crate::github::routes::issues::{self, Direction, Sort};
use crate::github::visit::Visit;

/// `GET …/pulls`: `state`, `head`, `base`, `sort`, `direction`.
pub(crate) async fn list(visit: Visit) -> Result<Reply, Refusal> {
    let state = visit.query.word("state", Some(State::Open), issues::state_filter)?;
    let sort = visit.query.word("sort", Sort::Created, Sort::parse)?;
    let direction = visit.query.word("direction", Direction::Descending, Direction::parse)?;
    visit.repository(Need::READ_PULLS, |scene| {
        let owner = scene.repository.owner.clone();
        let mut found: Vec<_> = scene
            .repository
            .issues
            .all()
            .filter(|issue| state.is_none_or(|state| issue.state == state))
            .filter(|issue| {
                issue.pull.as_ref().is_some_and(|pull| {
                    visit.query.get("base").is_none_or(|base| base == pull.base)
                        && visit.query.get("head").is_none_or(|head| head == format!("{owner}:{}", pull.head))
                })
            })
            .collect();
        issues::order(&mut found, sort, direction);
        let listed =
            found.iter().filter_map(|issue| json::pull(scene.urls, scene.repository, issue)).collect();
        Ok(visit.query.page(listed, &scene.list_address("pulls"), |page| page))
    })
}
