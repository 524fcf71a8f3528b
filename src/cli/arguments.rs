use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::finding::Severity;
use crate::output;

/// One SLO policy in; KEDA ScaledObject, scrape configuration, monitors, alert rules and a production checklist out.
#[derive(Debug, Parser)]
#[command(name = "slogen", version, about, max_term_width = 100)]
#[command(
    after_help = "Exit codes: 0 clean, 1 findings or drift, 2 usage or unreadable input, 3 nothing to look at."
)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Compile policies into the files that KEDA, Prometheus and people need.
    #[command(after_help = "Examples:
  slogen build policies/inference.toml -o out
  slogen build policies -o out --check                 # in CI: exit 1 if the files are not up to date
  slogen build policy.toml --manifests k8s -o out      # look for conflicts with what is there
  slogen build policy.toml --stdout | kubectl diff -f -")]
    Build(Build),
    /// Look at Kubernetes YAML that is about to be committed: reports on the files named.
    #[command(after_help = "Examples:
  slogen lint k8s/scaledobject.yaml
  slogen lint k8s/scaledobject.yaml --context k8s       # facts from elsewhere, findings here
  helm template chart | slogen lint -
  kustomize build overlays/prod | slogen lint -")]
    Lint(Lint),
    /// Look at a whole repository: autoscalers, workloads, monitors, rules, and whether they fit together.
    #[command(after_help = "Examples:
  slogen check
  slogen check deploy apps --format sarif > slogen.sarif
  slogen check --format github --fail-on warning")]
    Check(Check),
    /// Tell in sentences what the autoscalers in a file really do.
    #[command(name = "explain-scaler")]
    ExplainScaler {
        /// Files or folders of YAML; `-`: standard input.
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Explain one PromQL query: type, labels, series, unit, what KEDA makes of it, and what is wrong with it.
    #[command(after_help = "Examples:
  slogen promql 'sum(rate(http_requests_total{namespace=\"shop\"}[2m]))'
  slogen promql 'rate(x_total[30s])' --scrape-interval 15s --threshold 20 --metric-type AverageValue
  slogen promql --format json < query.promql
  slogen promql --jsonl < queries.jsonl      # one object with `expr` a line in, one answer a line out")]
    Promql(PromqlArguments),
    /// Print the page of a rule: why it hurts, what fires, how to fix it.
    Explain {
        /// Id of the rule, such as policy/threshold-order, or its code, such as H101.
        rule: String,
    },
    /// List everything that slogen can say.
    Rules {
        #[arg(long, value_enum, default_value_t = ListFormat::Human)]
        format: ListFormat,
    },
    /// Print the JSON Schema of the policy language, for editors.
    Schema,
    /// Write a commented policy to start from.
    Init {
        /// File to write; it must not exist.
        #[arg(default_value = "policy.toml")]
        file: PathBuf,
    },
    /// Print the settings that lint and check use here, and where each comes from.
    Config {
        /// A configuration, instead of the `slogen.toml` found upwards.
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
        /// Print the JSON Schema of `slogen.toml`, for editors.
        #[arg(long)]
        schema: bool,
    },
    /// Print completions for a shell.
    Completions { shell: Shell },
}

#[derive(Debug, Args)]
pub struct Build {
    /// Policies, or directories of policies (*.toml).
    #[arg(required = true)]
    pub policies: Vec<PathBuf>,
    /// Folder to write to; each policy gets a folder of its own in it.
    #[arg(short, long, default_value = "out", value_name = "DIR")]
    pub output: PathBuf,
    /// Manifests that are there already: a file or a directory of YAML to look for conflicts in.
    #[arg(long, value_name = "PATH")]
    pub manifests: Vec<PathBuf>,
    /// Templates of your own, which replace those of the same name.
    #[arg(long, value_name = "DIR")]
    pub templates: Option<PathBuf>,
    /// Validate and render, but write nothing.
    #[arg(long, conflicts_with_all = ["check", "stdout"])]
    pub dry_run: bool,
    /// Write nothing; show how the files on disk differ, and exit with 1 if they do.
    #[arg(long, conflicts_with = "stdout")]
    pub check: bool,
    /// Write nothing; print the Kubernetes objects.
    #[arg(long)]
    pub stdout: bool,
    /// How to tell findings.
    #[arg(long, value_enum, default_value_t = FindingFormat::Human)]
    pub format: FindingFormat,
    /// From which severity on findings keep everything from being written.
    #[arg(long, value_enum, default_value_t = FailOn::Error)]
    pub fail_on: FailOn,
    /// Day on which waivers are judged, as YYYY-MM-DD. slogen never looks at the clock.
    #[arg(long, value_name = "DAY")]
    pub date: Option<String>,
    /// Colour in what people read.
    #[arg(long, value_enum, default_value_t = Color::Auto)]
    pub color: Color,
}

#[derive(Debug, Args)]
pub struct Lint {
    /// Files or folders of YAML; `-`: standard input.
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
    /// Files or folders to look facts up in, without reporting on them.
    #[arg(long, value_name = "PATH")]
    pub context: Vec<PathBuf>,
    #[command(flatten)]
    pub reporting: Reporting,
}

#[derive(Debug, Args)]
pub struct Check {
    /// Folders or files.
    #[arg(default_value = ".")]
    pub paths: Vec<PathBuf>,
    /// Also print for each metric of each scaler who scrapes it, as a table.
    #[arg(long)]
    pub coverage: bool,
    #[command(flatten)]
    pub reporting: Reporting,
}

/// How findings are told, and which of them count.
#[derive(Debug, Args)]
pub struct Reporting {
    /// How to tell findings.
    #[arg(long, value_enum, default_value_t = FindingFormat::Human)]
    pub format: FindingFormat,
    /// From which severity on the exit code is 1; error, unless slogen.toml says otherwise.
    #[arg(long, value_enum)]
    pub fail_on: Option<FailOn>,
    /// A configuration, instead of the `slogen.toml` found upwards.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Files or folders of CustomResourceDefinitions by which objects of other kinds are checked.
    #[arg(long, value_name = "PATH")]
    pub crds: Vec<PathBuf>,
    /// Tell only what concerns files that changed since this commit of git.
    #[arg(long, value_name = "REF")]
    pub changed_since: Option<String>,
    /// Apply the fixes that cannot change what was meant.
    #[arg(long)]
    pub fix: bool,
    /// Show what `--fix` would change, and change nothing.
    #[arg(long)]
    pub diff: bool,
    /// A file of findings that are known already; they are not told. `--write-baseline` makes it.
    #[arg(long, value_name = "FILE")]
    pub baseline: Option<PathBuf>,
    /// Write what is found into the baseline, and tell nothing.
    #[arg(long)]
    pub write_baseline: bool,
    /// Files without anything for slogen are no reason to exit with 3: for hooks, which name whatever is committed.
    #[arg(long)]
    pub may_be_empty: bool,
    /// Show notes like warnings; without it people get a line per file.
    #[arg(long)]
    pub notes: bool,
    /// Colour in what people read.
    #[arg(long, value_enum, default_value_t = Color::Auto)]
    pub color: Color,
}

#[derive(Debug, Args)]
pub struct PromqlArguments {
    /// The query; `-` or nothing: read it from standard input.
    #[arg(allow_hyphen_values = true)]
    pub query: Option<String>,
    /// For people, or for programs.
    #[arg(long, value_enum, default_value_t = ListFormat::Human)]
    pub format: ListFormat,
    /// Read one JSON object with `expr` a line, answer one a line.
    #[arg(long, conflicts_with = "query")]
    pub jsonl: bool,
    /// The Prometheus that will answer, such as 2.53; the newest that slogen knows, if left out.
    #[arg(long, value_name = "VERSION")]
    pub prometheus_version: Option<String>,
    /// That Prometheus has the feature flags for experimental functions and modifiers.
    #[arg(long)]
    pub experimental: bool,
    /// What the query is for.
    #[arg(long, value_enum, default_value_t = QueryContext::Scaler)]
    pub context: QueryContext,
    /// The trigger's threshold.
    #[arg(long, value_name = "NUMBER", allow_hyphen_values = true)]
    pub threshold: Option<f64>,
    /// The trigger's metric type: Value or AverageValue.
    #[arg(long, value_name = "TYPE")]
    pub metric_type: Option<String>,
    /// The trigger's `ignoreNullValues`; KEDA's default is true.
    #[arg(long, value_name = "BOOL")]
    pub ignore_null_values: Option<bool>,
    /// Time between two scrapes, such as 15s.
    #[arg(long, value_name = "DURATION")]
    pub scrape_interval: Option<String>,
    /// The namespace of the workload.
    #[arg(long)]
    pub namespace: Option<String>,
    /// Upper bounds of a histogram's buckets, as NAME=0.1,0.5,1.
    #[arg(long, value_name = "NAME=BOUNDS")]
    pub buckets: Vec<String>,
    /// From which severity on the exit code is 1.
    #[arg(long, value_enum, default_value_t = FailOn::Error)]
    pub fail_on: FailOn,
    /// Colour in what people read.
    #[arg(long, value_enum, default_value_t = Color::Auto)]
    pub color: Color,
}

/// What a query is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum QueryContext {
    Scaler,
    Alert,
    Record,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FindingFormat {
    Human,
    Json,
    Sarif,
    Github,
    Gitlab,
    Junit,
}

impl From<FindingFormat> for output::Format {
    fn from(format: FindingFormat) -> Self {
        match format {
            FindingFormat::Human => output::Format::Human,
            FindingFormat::Json => output::Format::Json,
            FindingFormat::Sarif => output::Format::Sarif,
            FindingFormat::Github => output::Format::Github,
            FindingFormat::Gitlab => output::Format::Gitlab,
            FindingFormat::Junit => output::Format::Junit,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    Error,
    Warning,
    Note,
}

impl From<FailOn> for Severity {
    fn from(fail_on: FailOn) -> Self {
        match fail_on {
            FailOn::Error => Severity::Error,
            FailOn::Warning => Severity::Warning,
            FailOn::Note => Severity::Note,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    Auto,
    Always,
    Never,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ListFormat {
    Human,
    Json,
}
