//! The kinds that slogen writes, strictly: what the API server and the operators take, and nothing else.
//!
//! Sources: kedacore/keda config/crd/bases/keda.sh_scaledobjects.yaml and config/crd/patches/scaledobject_patch.yaml;
//! kubernetes/kubernetes pkg/apis/autoscaling/validation/validation.go for the ranges that KEDA's definition lacks;
//! prometheus-operator/prometheus-operator example/prometheus-operator-crd for the monitors and rules.

mod keda;
mod kustomize;
mod monitoring;

use std::sync::OnceLock;

use jsonschema::Validator;
use schemars::JsonSchema;

/// One place of an object that does not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaError {
    /// JSON pointer.
    pub pointer: String,
    pub message: String,
}

/// What is wrong with an object; None where the kind is not known here.
pub fn check_schema(kind: &str, value: &serde_json::Value) -> Option<Vec<SchemaError>> {
    static VALIDATORS: [OnceLock<Validator>; 5] = [const { OnceLock::new() }; 5];
    let (at, make): (usize, fn() -> Validator) = match kind {
        "ScaledObject" => (0, validator::<keda::ScaledObject>),
        "ServiceMonitor" => (1, validator::<monitoring::ServiceMonitor>),
        "PodMonitor" => (2, validator::<monitoring::PodMonitor>),
        "PrometheusRule" => (3, validator::<monitoring::PrometheusRule>),
        "Kustomization" => (4, validator::<kustomize::Kustomization>),
        _ => return None,
    };
    let validator = VALIDATORS[at].get_or_init(make);
    let errors = validator
        .iter_errors(value)
        .map(|error| SchemaError { pointer: error.instance_path().to_string(), message: error.to_string() });
    Some(errors.collect())
}

fn validator<T: JsonSchema>() -> Validator {
    let schema =
        schemars::generate::SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<T>();
    jsonschema::validator_for(schema.as_value()).expect("a schema made by schemars is a schema")
}
