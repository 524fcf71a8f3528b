//! Credentials.
//!
//! Sources: kedacore/keda pkg/scalers/authentication/authentication_types.go; pkg/scalers/prometheus_scaler.go.

use super::cards::AUTHENTICATION;
use super::values::REFUSED;
use super::{Checker, Trigger, is_known};
use crate::finding::Finding;

/// Modes that the Prometheus scaler knows.
const MODES: [&str; 4] = ["bearer", "basic", "tls", "custom"];

/// Modes that others can be built with.
const ALL: [&str; 6] = ["apiKey", "basic", "tls", "bearer", "custom", "oauth"];

impl Checker<'_> {
    pub(super) fn authentication(&mut self, trigger: &Trigger<'_>) {
        let modes = trigger.value("authModes").or_else(|| trigger.value("authMode"));
        let reference = trigger.node.get("authenticationRef");
        let entry = trigger.entry("authModes").or_else(|| trigger.entry("authMode"));
        if let (Some(modes), Some(entry)) = (modes.as_deref().filter(|modes| is_known(modes)), entry) {
            let place = self.place(&entry.node);
            let is_prometheus = trigger.kind == "prometheus";
            let known: &[&str] = if is_prometheus { &MODES } else { &ALL };
            for mode in modes.split(',').map(str::trim).filter(|mode| !known.contains(mode)) {
                if !is_prometheus {
                    self.push(
                        Finding::new(
                            &AUTHENTICATION,
                            place,
                            format!("there is no mode `{}`", mode.escape_debug()),
                        )
                        .why(REFUSED)
                        .help(format!("write one of {}", ALL.join(", "))),
                    );
                    continue;
                }
                self.push(
                    Finding::new(
                        &AUTHENTICATION,
                        place,
                        format!("the Prometheus scaler has no mode `{}`", mode.escape_debug()),
                    )
                    .why("it has no effect: KEDA asks without credentials, and Prometheus answers 401")
                    .help("write bearer, basic, tls or custom"),
                );
            }
            let exclusive: Vec<&str> = modes
                .split(',')
                .map(str::trim)
                .filter(|mode| ["bearer", "basic", "oauth"].contains(mode))
                .collect();
            if exclusive.len() > 1 {
                self.push(
                    Finding::new(
                        &AUTHENTICATION,
                        place,
                        format!("`{}` and `{}` exclude each other", exclusive[0], exclusive[1]),
                    )
                    .why("KEDA cannot build the scaler: the ScaledObject is never ready, and nothing scales")
                    .help("keep one of them; `tls` may stand beside either"),
                );
            }
            let is_given = !is_prometheus && modes.trim() == "apiKey" && trigger.value("apiKey").is_some();
            if reference.is_none() && !is_given {
                self.push(
                    Finding::new(&AUTHENTICATION, place, format!("`authModes: {modes}` without credentials"))
                        .why("KEDA cannot build the scaler: the ScaledObject is never ready, and nothing scales")
                        .help("write `authenticationRef: { name: … }` beside `type`"),
                );
            }
        }
    }
}
