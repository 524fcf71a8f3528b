//! A trigger that watches another queue, topic, stream or group than the pods work on.

use super::WATCHES_ANOTHER;
use super::given::given;
use crate::finding::{Finding, nearest};
use crate::inventory::{Environment, Inventory, Object};
use crate::manifest::{Node, has_variable};
use crate::rules::scaler::gap;

/// Types of triggers, their key for a name, what it is in words, and what variables with such a name end in.
const NAMES: [(&[&str], &str, &str, &[&str]); 14] = [
    (&["rabbitmq"], "queueName", "queue", OF_QUEUES),
    (&["redis", "redis-cluster", "redis-sentinel"], "listName", "list", OF_LISTS),
    (&["redis-streams", "redis-cluster-streams", "redis-sentinel-streams"], "stream", "stream", OF_STREAMS),
    (
        &["redis-streams", "redis-cluster-streams", "redis-sentinel-streams"],
        "consumerGroup",
        "consumer group",
        OF_GROUPS,
    ),
    (&["kafka", "apache-kafka"], "topic", "topic", OF_TOPICS),
    (&["kafka", "apache-kafka"], "consumerGroup", "consumer group", OF_GROUPS),
    (&["nats-jetstream"], "stream", "stream", OF_STREAMS),
    (&["nats-jetstream"], "consumer", "consumer", &["CONSUMER", "CONSUMERNAME", "DURABLE", "DURABLENAME"]),
    (&["azure-servicebus", "azure-queue"], "queueName", "queue", OF_QUEUES),
    (&["azure-servicebus"], "topicName", "topic", OF_TOPICS),
    (&["azure-servicebus"], "subscriptionName", "subscription", OF_SUBSCRIPTIONS),
    (&["gcp-pubsub"], "subscriptionName", "subscription", OF_SUBSCRIPTIONS),
    (&["aws-sqs-queue"], "queueURL", "queue", &["QUEUEURL", "QUEUE", "QUEUENAME"]),
    (&["pulsar"], "topic", "topic", OF_TOPICS),
];

const OF_QUEUES: &[&str] = &["QUEUE", "QUEUENAME"];
const OF_LISTS: &[&str] = &["LIST", "LISTNAME", "LISTKEY", "QUEUE", "QUEUENAME", "QUEUEKEY", "REDISKEY"];
const OF_STREAMS: &[&str] = &["STREAM", "STREAMNAME", "STREAMKEY"];
const OF_TOPICS: &[&str] = &["TOPIC", "TOPICNAME", "TOPICS"];
const OF_GROUPS: &[&str] = &["GROUP", "GROUPID", "GROUPNAME", "CONSUMERGROUP", "CONSUMERGROUPID"];
const OF_SUBSCRIPTIONS: &[&str] = &["SUBSCRIPTION", "SUBSCRIPTIONNAME", "SUBSCRIPTIONID"];

/// Words of variables that name where something goes to, or what is left over.
const ELSEWHERE: [&str; 20] = [
    "DLQ",
    "DEAD",
    "RETRY",
    "OUTPUT",
    "RESULT",
    "REPLY",
    "RESPONSE",
    "PUBLISH",
    "PRODUCER",
    "PRODUCE",
    "SINK",
    "TARGET",
    "DESTINATION",
    "FAILED",
    "ERROR",
    "EXCHANGE",
    "LOG",
    "SECURITY",
    "RESOURCE",
    "AUDIT",
];

/// Words of variables that say where the name counts, and not whose it is.
const GENERAL: [&str; 42] = [
    "RABBIT",
    "RABBITMQ",
    "MQ",
    "AMQP",
    "REDIS",
    "KAFKA",
    "SQS",
    "AWS",
    "AZURE",
    "SERVICE",
    "BUS",
    "SERVICEBUS",
    "STORAGE",
    "GCP",
    "GOOGLE",
    "PUBSUB",
    "NATS",
    "JETSTREAM",
    "INPUT",
    "IN",
    "SOURCE",
    "CONSUMER",
    "CONSUME",
    "WORK",
    "WORKER",
    "TASK",
    "TASKS",
    "JOB",
    "JOBS",
    "SPRING",
    "CLOUD",
    "APP",
    "MAIN",
    "DEFAULT",
    "CELERY",
    "BULL",
    "MESSAGE",
    "MESSAGES",
    "EVENT",
    "EVENTS",
    "BROKER",
    "STREAM",
];

/// Values that say what carries the queue, and not how it is called.
const BROKERS: [&str; 12] = [
    "redis", "rabbitmq", "kafka", "sqs", "nats", "amqp", "sync", "database", "memory", "celery", "bull",
    "bullmq",
];

pub(super) fn check<'i>(
    inventory: &'i Inventory<'i>,
    object: &'i Object<'i>,
    trigger: &'i Node,
    workload: &'i Object<'i>,
    environment: &Environment<'i>,
) -> Option<Finding> {
    let kind = trigger.get("type")?.as_str()?;
    let of_kind = NAMES.iter().filter(|(kinds, ..)| kinds.contains(&kind));
    of_kind.into_iter().find_map(|(_, key, what, ends)| {
        let given = given(inventory, object, trigger, &[key]);
        let [given] = given.as_slice() else { return None };
        let watched = name(&given.text).filter(|_| !is_pattern(trigger))?;
        // What another trigger watches has a variable of its own.
        let elsewhere: Vec<&str> = triggers(object)
            .filter(|other| !std::ptr::eq(*other, trigger))
            .filter_map(|other| name(other.at(&["metadata", key])?.as_str()?))
            .collect();
        let mut used = Vec::new();
        for variable in &environment.variables {
            let speaks = speaks_of(&variable.name, ends, watched);
            let Some(held) = &variable.held else {
                if speaks {
                    return None;
                }
                continue;
            };
            // One name may be made of the other: `bull:<queue>:wait`, `<prefix>-orders`.
            if has_word(&held.text, watched) && !(speaks && is_longer(what, &held.text, watched)) {
                return None;
            }
            if speaks {
                for one in held.text.split(',').map(str::trim).filter(|one| !BROKERS.contains(one)) {
                    let own = name(one)?;
                    if has_word(watched, own) || elsewhere.contains(&own) {
                        return None;
                    }
                    used.push((variable.name.as_str(), own, held));
                }
            }
        }
        if is_argument(workload, watched) {
            return None;
        }
        let (variable, own, held) = *used.first()?;
        let place = match held.object.kind() {
            "Secret" => held.object.name_place(),
            _ => held.object.place(held.node),
        };
        let near = nearest(watched, used.iter().map(|(_, own, _)| *own));
        let finding = Finding::new(
            &WATCHES_ANOTHER,
            given.place,
            format!("the trigger watches the {what} `{watched}`, and the pods know `{own}`"),
        )
        .related(place, format!("`{variable}` of `{}`", workload.name))
        .why(match *what {
            "consumer group" | "consumer" | "subscription" => format!("the lag of another {what} does not fall, however many pods there are, or is always 0: they are scaled by work that is not theirs"),
            _ => format!("what waits in `{own}` starts no pod, and what waits in `{watched}` starts pods that do not take it"),
        });
        Some(match near {
            Some(near) => finding.help(format!("did you mean `{near}`?")),
            None => finding.help("write the same name in both"),
        })
    })
}

/// A name that is written out; of the address of a queue its last part.
fn name(text: &str) -> Option<&str> {
    let text = text.trim();
    let text = if text.contains("://") { text.trim_end_matches('/').rsplit('/').next()? } else { text };
    let is_name = text.chars().all(|c| c.is_alphanumeric() || "-_.:/{}".contains(c))
        && text.chars().any(char::is_alphabetic)
        && !matches!(text, "true" | "false");
    let is_open = has_variable(text) || text.contains("{{") || gap(text).is_some();
    (is_name && !is_open && text.len() > 1).then_some(text)
}

/// Whether a variable, by its name, holds what is worked on: no other word in it says more than that, or the name that is
/// watched has the word too.
fn speaks_of(variable: &str, ends: &[&str], watched: &str) -> bool {
    let mut words: Vec<String> = Vec::new();
    let mut was_small = false;
    for c in variable.chars() {
        let starts = !c.is_ascii_alphanumeric() || c.is_ascii_uppercase() && was_small;
        if starts || words.is_empty() {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| c.is_ascii_alphanumeric()) {
            word.push(c.to_ascii_uppercase());
        }
        was_small = c.is_ascii_lowercase();
    }
    words.retain(|word| !word.is_empty());
    let all = words.concat();
    let Some(end) = ends.iter().filter(|end| all.ends_with(**end)).max_by_key(|end| end.len()) else {
        return false;
    };
    let before = all.len() - end.len();
    let mut length = 0;
    let before = words.iter().take_while(|word| {
        length += word.len();
        length <= before
    });
    let watched = watched.to_uppercase();
    !ELSEWHERE.iter().any(|word| all.contains(word))
        && before.into_iter().all(|word| {
            GENERAL.contains(&word.as_str())
                || word.len() > 3
                    && (watched.contains(word.as_str()) || watched.contains(&word[..word.len() - 1]))
        })
}

/// Whether a variable that holds the name says more than what is watched: `orders-v2` is not `orders`. Names of lists are
/// made of several parts.
fn is_longer(what: &str, held: &str, watched: &str) -> bool {
    let held = held.trim();
    what != "list"
        && held != watched
        && held.chars().all(|c| c.is_alphanumeric() || "-_.".contains(c))
        && name(held) == Some(held)
}

/// Whether a text holds another one that is no part of a longer word.
fn has_word(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + word.len()..].chars().next();
        [before, after].into_iter().flatten().all(|c| !c.is_alphanumeric())
    })
}

/// Whether the trigger takes all queues whose names fit.
fn is_pattern(trigger: &Node) -> bool {
    trigger.at(&["metadata", "useRegex"]).and_then(Node::as_written).as_deref() == Some("true")
}

fn triggers<'i>(object: &Object<'i>) -> impl Iterator<Item = &'i Node> {
    object.at(&["spec", "triggers"]).map(Node::items).unwrap_or_default().iter()
}

/// Whether a command of the pods says the name.
fn is_argument(workload: &Object<'_>, watched: &str) -> bool {
    workload.containers().iter().any(|container| {
        let words = |key: &str| container.get(key).map(Node::items).unwrap_or_default().iter();
        words("command").chain(words("args")).filter_map(Node::as_str).any(|word| word.contains(watched))
    })
}

#[cfg(test)]
mod tests {
    use super::{OF_GROUPS, OF_QUEUES, OF_TOPICS, speaks_of};

    #[test]
    fn knows_what_a_variable_names() {
        for (variable, ends, watched) in [
            ("QUEUE_NAME", OF_QUEUES, "orders"),
            ("RABBITMQ_QUEUE", OF_QUEUES, "orders"),
            ("RabbitMq__QueueName", OF_QUEUES, "orders"),
            ("ORDERS_TOPIC", OF_TOPICS, "orders-v2"),
            ("ORDERS_TOPIC", OF_TOPICS, "order"),
            ("KAFKA_CONSUMER_GROUP_ID", OF_GROUPS, "checkout"),
        ] {
            assert!(speaks_of(variable, ends, watched), "{variable}");
        }
        for (variable, ends, watched) in [
            ("PRIORITY_QUEUE", OF_QUEUES, "orders"),
            ("OUTPUT_TOPIC", OF_TOPICS, "orders"),
            ("QUEUE_SIZE", OF_QUEUES, "orders"),
            ("LDAP_GROUP", OF_GROUPS, "checkout"),
            ("AZURE_RESOURCE_GROUP", OF_GROUPS, "checkout"),
        ] {
            assert!(!speaks_of(variable, ends, watched), "{variable}");
        }
    }
}
