//! `slogen promql`: one query, or a stream of them.

use std::io::{BufRead, Read, Write};

use anyhow::{Context as _, bail};
use serde_json::{Value, json};

use super::arguments::{ListFormat, PromqlArguments, QueryContext};
use super::{Ending, print, terminal};
use crate::finding::{Finding, Severity};
use crate::lint::{Context, Role, Scaler, answer, describe, lint, syntax};
use crate::model::{MetricType, Version};
use crate::output;
use crate::promql::{MetricFacts, MetricKind, Target, parse};
use crate::source::{Place, SourceFile, Sources};

/// Longest input that is read: more than any query.
const MOST_BYTES: u64 = 1 << 20;

pub fn run(arguments: &PromqlArguments) -> anyhow::Result<Ending> {
    let target = target(arguments)?;
    let context = context(arguments, &target)?;
    if arguments.jsonl {
        return stream(&target, &context);
    }
    let query = match arguments.query.as_deref() {
        Some(query) if query != "-" => query.to_string(),
        _ => {
            let mut text = String::new();
            std::io::stdin()
                .lock()
                .take(MOST_BYTES)
                .read_to_string(&mut text)
                .context("cannot read the query from standard input")?;
            text.trim_end_matches(['\n', '\r']).to_string()
        }
    };
    if query.trim().is_empty() {
        say!("{}: there is no query; write `slogen promql 'sum(rate(x_total[5m]))'`", terminal::error_word());
        return Ok(Ending::Nothing);
    }
    let parsed = parse(&query, &target);
    let lints = match &parsed {
        Ok(expression) => lint(expression, &context),
        Err(errors) => syntax(errors, &context.role),
    };
    let least = Severity::from(arguments.fail_on);
    let ending =
        if lints.iter().any(|lint| lint.severity >= least) { Ending::Findings } else { Ending::Clean };
    if arguments.format == ListFormat::Json {
        let mut text = serde_json::to_string_pretty(&answer(&query, &target, &context))?;
        text.push('\n');
        print(&text)?;
        return Ok(ending);
    }
    if let Ok(expression) = &parsed {
        print(&describe(expression, &context))?;
    }
    let mut sources = Sources::default();
    let file = sources.add(SourceFile::new("query", query));
    let findings: Vec<Finding> =
        lints.iter().map(|lint| lint.finding(|span| Place::new(file, span))).collect();
    if !findings.is_empty() {
        let style = terminal::style(arguments.color, std::io::IsTerminal::is_terminal(&std::io::stderr()));
        let text = output::render(output::Format::Human, &sources, &findings, &style);
        super::tell_people(&format!("\n{text}"))?;
    }
    Ok(ending)
}

fn target(arguments: &PromqlArguments) -> anyhow::Result<Target> {
    let mut target = Target::default();
    if let Some(text) = &arguments.prometheus_version {
        let Some(version) = Version::parse(text) else {
            bail!("{text:?} is not a version of Prometheus; write it like 2.53 or 3.14.0");
        };
        target.version = (version.major, version.minor);
    }
    target.experimental = arguments.experimental;
    Ok(target)
}

fn context(arguments: &PromqlArguments, target: &Target) -> anyhow::Result<Context> {
    let mut context = Context { version: Some(target.version), ..Context::default() };
    context.role = match arguments.context {
        QueryContext::Alert => Role::Alert,
        QueryContext::Record => Role::Record,
        QueryContext::Scaler => Role::Scaler(Scaler {
            threshold: arguments.threshold,
            metric_type: arguments.metric_type.as_deref().map(metric_type).transpose()?,
            ignore_null_values: arguments.ignore_null_values,
            ..Scaler::default()
        }),
    };
    context.facts.scrape_interval = arguments.scrape_interval.as_deref().map(seconds).transpose()?;
    context.facts.namespace.clone_from(&arguments.namespace);
    for text in &arguments.buckets {
        context.facts.metrics.push(histogram(text)?);
    }
    Ok(context)
}

fn metric_type(text: &str) -> anyhow::Result<MetricType> {
    match text {
        "Value" => Ok(MetricType::Value),
        "AverageValue" => Ok(MetricType::AverageValue),
        _ => bail!("{text:?} is no metric type of a Prometheus trigger: write Value or AverageValue"),
    }
}

fn seconds(text: &str) -> anyhow::Result<f64> {
    match crate::promql::seconds(text) {
        Some(seconds) if seconds > 0.0 => Ok(seconds),
        _ => bail!("{text:?} is not a duration; write it like 15s or 1m"),
    }
}

/// `name=0.1,0.5,1`.
fn histogram(text: &str) -> anyhow::Result<MetricFacts> {
    let wrong = || format!("{text:?} is no histogram; write it like http_request_duration_seconds=0.1,0.5,1");
    let (name, bounds) = text.split_once('=').with_context(wrong)?;
    let mut buckets = Vec::new();
    for bound in bounds.split(',') {
        let bound: f64 = bound.trim().parse().ok().with_context(wrong)?;
        if bound.is_finite() {
            buckets.push(bound);
        }
    }
    buckets.sort_by(f64::total_cmp);
    let name = name.trim_end_matches("_bucket").to_string();
    Ok(MetricFacts { name, kind: MetricKind::Histogram, unit: None, buckets })
}

/// One object with `expr` a line in; one answer a line out.
fn stream(target: &Target, context: &Context) -> anyhow::Result<Ending> {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let mut input = std::io::stdin().lock();
    let mut bytes = Vec::new();
    let mut seen = 0_usize;
    let mut unreadable = 0_usize;
    loop {
        bytes.clear();
        let length = input.by_ref().take(MOST_BYTES).read_until(b'\n', &mut bytes)?;
        if length == 0 {
            break;
        }
        if bytes.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        seen += 1;
        let value = match one(&bytes, target, context) {
            Ok(value) => value,
            Err(problem) => {
                unreadable += 1;
                json!({ "line": seen, "problem": problem })
            }
        };
        serde_json::to_writer(&mut out, &value)?;
        if let Err(error) = out.write_all(b"\n") {
            return if error.kind() == std::io::ErrorKind::BrokenPipe {
                Ok(Ending::Clean)
            } else {
                Err(error.into())
            };
        }
    }
    out.flush()?;
    Ok(match (seen, unreadable) {
        (0, _) => Ending::Nothing,
        (_, 0) => Ending::Clean,
        _ => Ending::Unusable,
    })
}

/// The answer to one line, whose keys go before the options of the command.
fn one(bytes: &[u8], target: &Target, context: &Context) -> Result<Value, String> {
    let line: Value = serde_json::from_slice(bytes).map_err(|error| format!("not JSON: {error}"))?;
    let query = line.get("expr").and_then(Value::as_str).ok_or("there is no text `expr`")?;
    let mut context = context.clone();
    match line.get("context").and_then(Value::as_str) {
        None => {}
        Some("alert") => context.role = Role::Alert,
        Some("record") => context.role = Role::Record,
        Some("scaler") if context.scaler().is_none() => context.role = Role::default(),
        Some("scaler") => {}
        Some(other) => return Err(format!("`context` is scaler, alert or record, not {other:?}")),
    }
    if let Role::Scaler(scaler) = &mut context.role {
        scaler.threshold = line.get("threshold").and_then(Value::as_f64).or(scaler.threshold);
        if let Some(text) = line.get("metricType").and_then(Value::as_str) {
            scaler.metric_type = Some(metric_type(text).map_err(|error| error.to_string())?);
        }
        let ignore = line.get("ignoreNullValues").and_then(Value::as_bool);
        scaler.ignore_null_values = ignore.or(scaler.ignore_null_values);
    }
    if let Some(text) = line.get("scrapeInterval").and_then(Value::as_str) {
        context.facts.scrape_interval = Some(seconds(text).map_err(|error| error.to_string())?);
    }
    Ok(answer(query, target, &context))
}
