//! More events than issues may be open, and what the log says of it.

use serde_json::Value;

use crate::samples::{ALARM, alarm, alarm_of};
use crate::support::{Deployment, Function};

/// The records `outcome` with this status.
async fn outcomes(function: &Function, status: &str) -> Vec<Value> {
    // One that comes last, so that nothing is missed.
    assert_eq!(function.status(&alarm("last", 59, "ALARM")).await, "updated");
    let log = function.log_until("outcome", |record| record["event_id"] == "last").await;
    log.into_iter().filter(|record| record["message"] == "outcome" && record["status"] == status).collect()
}

#[tokio::test]
async fn a_storm_is_refused_each_time_and_told_once() {
    let config = ALARM.replace("max_open: 50", "max_open: 1");
    for (level, records) in [(None, 1), (Some("debug"), 20)] {
        let deployment = Deployment::new(&config).await;
        let deployment = match level {
            Some(level) => deployment.set("GATEPASS_LOG", level),
            None => deployment,
        };
        let function = deployment.start().await;
        assert_eq!(function.status(&alarm("e0", 0, "ALARM")).await, "created");
        for n in 1..=20 {
            let event = alarm_of(&format!("alarm-{n}"), &format!("e{n}"), 1, "ALARM");
            function.fails(&event, "refused", &["1 or more issues", "open_issue.max_open"]).await;
        }
        let refused = outcomes(&function, "refused").await;
        assert_eq!(refused.len(), records, "{level:?}");
        assert_eq!((&refused[0]["level"], &refused[0]["events"]), (&"ERROR".into(), &1.into()));
        assert_eq!(refused[0]["event_id"], "e1");
        assert!(refused.iter().skip(1).all(|record| record["level"] == "DEBUG"), "{refused:?}");
    }
}
