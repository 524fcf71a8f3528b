//! keda.sh/v1alpha1 ScaledObject.

use std::collections::BTreeMap;

use schemars::JsonSchema;

#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase", deny_unknown_fields)]
#[allow(dead_code)]
pub struct Metadata {
    #[schemars(length(min = 1, max = 253))]
    name: String,
    namespace: Option<String>,
    labels: Option<BTreeMap<String, String>>,
    annotations: Option<BTreeMap<String, String>>,
}

macro_rules! object {
    ($(#[$about:meta])* $name:ident $rename:literal { $($(#[$field_about:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$about])*
        #[derive(JsonSchema)]
        #[schemars(rename_all = "camelCase", deny_unknown_fields, rename = $rename)]
        #[allow(dead_code)]
        pub struct $name {
            $($(#[$field_about])* $field: $type,)*
        }
    };
}
pub(super) use object;

object! {
    /// What KEDA scales, and by what.
    ScaledObject "ScaledObject" {
        #[schemars(regex(pattern = r"^keda\.sh/v1alpha1$"))]
        api_version: String,
        kind: String,
        metadata: Metadata,
        spec: Spec,
    }
}

object! {
    /// The specification of a ScaledObject.
    Spec "ScaledObjectSpec" {
        scale_target_ref: Target,
        #[schemars(range(min = 1))]
        polling_interval: Option<i32>,
        #[schemars(range(min = 0))]
        cooldown_period: Option<i32>,
        #[schemars(range(min = 0))]
        initial_cooldown_period: Option<i32>,
        #[schemars(range(min = 0))]
        idle_replica_count: Option<i32>,
        #[schemars(range(min = 0))]
        min_replica_count: Option<i32>,
        #[schemars(range(min = 1))]
        max_replica_count: Option<i32>,
        fallback: Option<Fallback>,
        advanced: Option<Advanced>,
        #[schemars(length(min = 1))]
        triggers: Vec<Trigger>,
    }
}

object! {
    /// The object whose scale changes.
    Target "ScaleTarget" {
        #[schemars(length(min = 1))]
        name: String,
        api_version: Option<String>,
        kind: Option<String>,
        env_source_container_name: Option<String>,
    }
}

object! {
    /// What is served while a metric cannot be had.
    Fallback "Fallback" {
        #[schemars(range(min = 0))]
        failure_threshold: i32,
        #[schemars(range(min = 0))]
        replicas: i32,
        #[schemars(regex(pattern = "^(static|currentReplicas|currentReplicasIfHigher|currentReplicasIfLower|scalingModifiers)$"))]
        behavior: Option<String>,
    }
}

object! {
    /// Everything beside the triggers.
    Advanced "AdvancedConfig" {
        restore_to_original_replica_count: Option<bool>,
        horizontal_pod_autoscaler_config: Option<HpaConfig>,
        scaling_modifiers: Option<Modifiers>,
    }
}

object! {
    /// The HPA that KEDA makes.
    HpaConfig "HorizontalPodAutoscalerConfig" {
        #[schemars(length(min = 1, max = 63))]
        name: Option<String>,
        behavior: Option<Behavior>,
    }
}

object! {
    /// One formula over all triggers.
    Modifiers "ScalingModifiers" {
        formula: String,
        #[schemars(regex(pattern = r"^[0-9]+(\.[0-9]+)?$"))]
        target: String,
        activation_target: Option<String>,
        #[schemars(regex(pattern = "^(AverageValue|Value)$"))]
        metric_type: Option<String>,
    }
}

object! {
    /// How fast the number may change.
    Behavior "Behavior" {
        scale_up: Option<Rules>,
        scale_down: Option<Rules>,
    }
}

object! {
    /// One direction.
    Rules "ScalingRules" {
        #[schemars(range(min = 0, max = 3600))]
        stabilization_window_seconds: Option<i32>,
        #[schemars(regex(pattern = "^(Max|Min|Disabled)$"))]
        select_policy: Option<String>,
        tolerance: Option<String>,
        #[schemars(length(min = 1))]
        policies: Option<Vec<Policy>>,
    }
}

object! {
    /// One step.
    Policy "ScalingPolicy" {
        #[schemars(rename = "type", regex(pattern = "^(Pods|Percent)$"))]
        kind: String,
        #[schemars(range(min = 1))]
        value: i32,
        #[schemars(range(min = 1, max = 1800))]
        period_seconds: i32,
    }
}

object! {
    /// What is measured.
    Trigger "Trigger" {
        #[schemars(rename = "type", length(min = 1))]
        kind: String,
        name: Option<String>,
        use_cached_metrics: Option<bool>,
        /// Texts only: the API server refuses a bare number.
        metadata: BTreeMap<String, String>,
        authentication_ref: Option<Authentication>,
        #[schemars(regex(pattern = "^(AverageValue|Value|Utilization)$"))]
        metric_type: Option<String>,
    }
}

object! {
    /// Where the credentials are.
    Authentication "AuthenticationRef" {
        #[schemars(length(min = 1))]
        name: String,
        #[schemars(regex(pattern = "^(TriggerAuthentication|ClusterTriggerAuthentication)$"))]
        kind: Option<String>,
    }
}
