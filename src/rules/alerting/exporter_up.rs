//! `up` of an exporter, taken for that of the program behind it.
//!
//! Sources: prometheus-community/postgres_exporter exporter/postgres_exporter.go (psqlUp), oliver006/redis_exporter
//! exporter/exporter.go, prometheus/mysqld_exporter collector/exporter.go, percona/mongodb_exporter exporter/base_collector.go,
//! kbudde/rabbitmq_exporter exporter.go, nginx/nginx-prometheus-exporter README.md: each answers a scrape while its program
//! is away, with a series of its own at 0. prometheus/prometheus scrape/scrape.go: `up` is about the scrape.

use super::EXPORTER_UP;
use super::walk::{Alert, containers};
use crate::finding::Finding;
use crate::inventory::Inventory;
use crate::manifest::{Node as Yaml, has_variable};
use crate::promql::ast::Kind;
use crate::promql::{MatchOperator, MatcherView};
use crate::source::{Place, Span};

/// A program that does not give its metrics itself.
struct Program {
    name: &'static str,
    /// What its exporter says of it.
    up: &'static str,
    words: &'static [&'static str],
    /// Port of the exporter, by the list of the Prometheus wiki.
    port: &'static str,
}

const PROGRAMS: [Program; 6] = [
    Program { name: "PostgreSQL", up: "pg_up", words: &["postgres", "pg"], port: "9187" },
    Program { name: "Redis", up: "redis_up", words: &["redis", "valkey"], port: "9121" },
    Program { name: "MySQL", up: "mysql_up", words: &["mysql", "mariadb"], port: "9104" },
    Program { name: "MongoDB", up: "mongodb_up", words: &["mongo"], port: "9216" },
    Program { name: "RabbitMQ", up: "rabbitmq_up", words: &["rabbit"], port: "9419" },
    Program { name: "nginx", up: "nginx_up", words: &["nginx"], port: "9113" },
];

/// What an alert may call any of them.
const GENERAL: [&str; 4] = ["database", "cache", "broker", "message queue"];

/// Words of a text that is about the scrape.
const OF_THE_SCRAPE: [&str; 5] = ["export", "metrics", "scrap", "monitoring of", "target"];

const FAILS: [&str; 7] =
    ["down", "unreachable", "not reachable", "not responding", "unavailable", "not available", "unhealthy"];

pub(super) fn check(alert: &Alert<'_>, alerts: &[Alert<'_>], inventory: &Inventory<'_>) -> Option<Finding> {
    let selectors = alert.expression.selectors();
    let first = selectors.first()?;
    if selectors.iter().any(|selector| selector.name.as_deref() != Some("up")) || is_on_absence(alert) {
        return None;
    }
    let matcher = first.matchers.iter().find(|matcher| matcher.name == "job")?;
    let text = told(alert);
    if OF_THE_SCRAPE.iter().any(|word| text.contains(word)) || !FAILS.iter().any(|word| text.contains(word)) {
        return None;
    }
    let (program, proof) = meant(matcher, inventory)?;
    let is_about_it = program.words.iter().chain(&GENERAL).any(|word| text.contains(word));
    // Whoever asks for both knows the difference.
    let is_asked = |alert: &Alert<'_>| {
        alert.expression.selectors().iter().any(|one| one.name.as_deref() == Some(program.up))
    };
    if !is_about_it || alerts.iter().any(is_asked) {
        return None;
    }
    let (name, up) = (program.name, program.up);
    let start = first.span.start as usize;
    let finding = Finding::new(
        &EXPORTER_UP,
        alert.place(Span::new(start, start + "up".len())),
        format!("`up` of this job is that of the exporter, and not of {name}"),
    )
    .why(format!(
        "while {name} is down its exporter still answers each scrape, and says `{up} 0`: `up` stays 1, and the alert does not fire"
    ))
    .help(format!("write `{up} == 0`, and keep `up == 0` as an alert on the exporter"));
    Some(match proof {
        Some((place, what)) => finding.related(place, what),
        None => finding,
    })
}

/// `absent(up{…})` is another story.
fn is_on_absence(alert: &Alert<'_>) -> bool {
    matches!(&alert.expression.root.bare().kind, Kind::Call(call) if call.function.name.starts_with("absent"))
}

/// All that an alert says, small.
fn told(alert: &Alert<'_>) -> String {
    let texts = alert.rule.get("annotations").map(Yaml::entries).unwrap_or_default();
    let of_people = texts.iter().filter(|entry| !entry.key.contains("url"));
    let mut all = alert.name().to_lowercase();
    for text in of_people.filter_map(|entry| entry.node.as_str()) {
        // What stands in a template is no word.
        for (number, part) in text.split("{{").enumerate() {
            let part = if number == 0 { part } else { part.split_once("}}").map_or("", |(_, rest)| rest) };
            all.push(' ');
            all.push_str(&part.to_lowercase());
        }
    }
    all
}

type Meant = (&'static Program, Option<(Place, String)>);

/// The program whose exporter alone has a job that fits, and where that is seen.
fn meant(matcher: &MatcherView, inventory: &Inventory<'_>) -> Option<Meant> {
    let value = matcher.value.as_str();
    if has_variable(value) || value.is_empty() {
        return None;
    }
    let pattern = match matcher.operator {
        MatchOperator::Equal => regex::escape(value),
        MatchOperator::RegexMatch => value.to_string(),
        _ => return None,
    };
    let pattern = regex::Regex::new(&format!("^(?:{pattern})$")).ok()?;
    let mut found: Option<Meant> = None;
    for object in &inventory.objects {
        for job in object.at(&["scrape_configs"]).map(Yaml::items).unwrap_or_default() {
            let name = job.get("job_name").and_then(Yaml::as_str).unwrap_or_default();
            if !pattern.is_match(name) {
                continue;
            }
            let (program, node, what) = exporter(job, inventory)?;
            if found.as_ref().is_some_and(|(other, _)| other.name != program.name) {
                return None;
            }
            found.get_or_insert((program, Some((object.place(node), what))));
        }
    }
    found.or_else(|| {
        let called = value.to_lowercase().replace('_', "-");
        let called = called.strip_suffix("-exporter").filter(|_| matcher.operator == MatchOperator::Equal)?;
        let program = PROGRAMS.iter().find(|program| is_in(program, called))?;
        Some((program, None))
    })
}

fn is_in(program: &Program, text: &str) -> bool {
    let mut words = text.split(|c: char| !c.is_ascii_alphanumeric());
    words.any(|word| {
        program.words.iter().any(|own| if own.len() < 3 { word == *own } else { word.contains(own) })
    })
}

/// The program whose exporter is all that a job scrapes: its addresses, or the pods that it keeps.
fn exporter<'j>(job: &'j Yaml, inventory: &Inventory<'_>) -> Option<(&'static Program, &'j Yaml, String)> {
    let name = job.get("job_name").and_then(Yaml::as_str).unwrap_or_default();
    if job.get("relabel_configs").is_some_and(|rules| {
        rules.items().iter().any(|rule| {
            let target = rule.get("target_label").and_then(Yaml::as_str);
            target == Some("__param_target") || target == Some("job")
        })
    }) {
        return None;
    }
    let of_text = |text: &str| PROGRAMS.iter().find(|program| is_in(program, text));
    let fixed = job.get("static_configs").map(Yaml::items).unwrap_or_default();
    let mut targets =
        fixed.iter().flat_map(|one| one.get("targets").map(Yaml::items).unwrap_or_default()).peekable();
    if let Some(first) = targets.peek().copied() {
        let mut all = None;
        for target in targets {
            let address = target.as_str().filter(|text| !has_variable(text))?;
            let (host, port) = address.rsplit_once(':').unwrap_or((address, ""));
            let is_exporter = host.contains("exporter") || runs_exporter(host, inventory);
            let program = PROGRAMS
                .iter()
                .find(|program| program.port == port && (is_in(program, host) || is_in(program, name)))
                .or_else(|| of_text(host).or_else(|| of_text(name)).filter(|_| is_exporter))?;
            if all.is_some_and(|other: &Program| other.name != program.name) {
                return None;
            }
            all = Some(program);
        }
        return Some((all?, first, "this is the address of the exporter".to_string()));
    }
    let keep = job.get("relabel_configs")?.items().iter().find_map(|rule| {
        let regex =
            rule.get("regex").filter(|_| rule.get("action").and_then(Yaml::as_str) == Some("keep"))?;
        let text = regex.as_str().filter(|text| !text.contains('|') && text.contains("exporter"))?;
        Some((regex, of_text(text)?))
    });
    let (regex, program) = keep?;
    Some((program, regex, "this job keeps the exporter alone".to_string()))
}

/// Whether a service of Docker Compose runs an exporter.
fn runs_exporter(host: &str, inventory: &Inventory<'_>) -> bool {
    inventory.objects.iter().filter(|object| object.kind().is_empty()).any(|object| {
        let service = object.at(&["services", host]);
        let runs =
            containers(object).find(|node| service.is_some_and(|service| std::ptr::eq(service, *node)));
        let image = runs.and_then(|node| node.get("image")).and_then(Yaml::as_str);
        image.is_some_and(|image| image.contains("exporter"))
    })
}
