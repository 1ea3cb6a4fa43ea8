use jiff::Timestamp;
use serde_json::{Map, Value};

use super::Event;
use crate::failure::Failure;

/// What says that a body is one.
const SCHEMA: &str = "azureMonitorCommonAlertSchema";

/// An alert of Azure Monitor in the common alert schema, as an action group sends it. Source: Microsoft Learn, "Common alert
/// schema".
#[derive(Debug)]
pub struct AzureAlert {
    id: String,
    time: Timestamp,
    whole: Value,
}

impl AzureAlert {
    /// Whether this is one, by its own mark.
    pub fn is_one(body: &Value) -> bool {
        body.get("schemaId").and_then(Value::as_str) == Some(SCHEMA)
    }

    /// Reads the essentials.
    ///
    /// # Errors
    /// Invalid, naming the one that is missing or no time.
    pub fn read(whole: Value) -> Result<Self, Failure> {
        let essential = |name: &str| {
            let value = whole.pointer(&format!("/data/essentials/{name}")).and_then(Value::as_str);
            value.filter(|text| !text.is_empty())
        };
        let required = |name: &str| {
            essential(name).ok_or_else(|| {
                Failure::invalid(format!("the alert of Azure Monitor has no data.essentials.{name}"))
            })
        };
        let (alert, condition) = (required("alertId")?, required("monitorCondition")?);
        let (field, text) = match (condition, essential("resolvedDateTime")) {
            ("Resolved", Some(resolved)) => ("resolvedDateTime", resolved),
            _ => ("firedDateTime", required("firedDateTime")?),
        };
        let time = text.parse().map_err(|_| {
            Failure::invalid(format!("the alert's data.essentials.{field} is not an RFC 3339 time"))
        })?;
        // An alert keeps its id when it is resolved.
        Ok(Self { id: format!("{alert}#{condition}"), time, whole })
    }

    /// The whole alert; source `azure.monitor`, type `alert`, id: the alert's, with its condition.
    pub fn into_event(self) -> Event {
        Event {
            id: self.id,
            source: "azure.monitor".into(),
            kind: "alert".into(),
            time: self.time,
            subject: None,
            attributes: Map::new(),
            data: self.whole,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn alert() -> Value {
        json!({"schemaId": SCHEMA, "data": {"alertContext": {}, "essentials": {
            "alertId": "/subscriptions/s/providers/Microsoft.AlertsManagement/alerts/a", "alertRule": "cpu",
            "monitorCondition": "Fired", "firedDateTime": "2026-03-22T13:58:24.3713213Z",
        }}})
    }

    #[test]
    fn fired_and_resolved_are_two_events_of_one_alert() {
        let fired = AzureAlert::read(alert()).unwrap().into_event();
        assert_eq!((fired.source.as_str(), fired.kind.as_str()), ("azure.monitor", "alert"));
        assert_eq!(
            (fired.time.to_string().as_str(), &fired.data),
            ("2026-03-22T13:58:24.3713213Z", &alert())
        );
        let mut resolved = alert();
        resolved["data"]["essentials"]["monitorCondition"] = json!("Resolved");
        resolved["data"]["essentials"]["resolvedDateTime"] = json!("2026-03-22T14:03:16Z");
        let resolved = AzureAlert::read(resolved).unwrap().into_event();
        assert_eq!(resolved.time.to_string(), "2026-03-22T14:03:16Z");
        assert!(fired.id.ends_with("alerts/a#Fired") && resolved.id.ends_with("alerts/a#Resolved"));
    }

    #[test]
    fn what_is_missing_is_named() {
        for (name, value) in [
            ("alertId", Value::Null),
            ("alertId", json!("")),
            ("monitorCondition", json!(7)),
            ("firedDateTime", Value::Null),
            ("firedDateTime", json!("noon")),
        ] {
            let mut alert = alert();
            alert["data"]["essentials"][name] = value;
            let failure = AzureAlert::read(alert).unwrap_err();
            assert!(failure.message.contains(&format!("data.essentials.{name}")), "{failure}");
        }
    }

    #[test]
    fn only_its_own_schema_makes_it_one() {
        assert!(AzureAlert::is_one(&alert()));
        for other in [
            json!({}),
            json!([]),
            json!({"schemaId": "Microsoft.Insights/activityLogs"}),
            json!({"schemaId": [SCHEMA]}),
        ] {
            assert!(!AzureAlert::is_one(&other), "{other}");
        }
    }
}
