//! Credentials.
//!
//! Sources: kedacore/keda pkg/scalers/authentication/authentication_types.go; pkg/scalers/prometheus_scaler.go.

use super::cards::AUTHENTICATION;
use super::{Checker, Trigger, is_known};
use crate::finding::Finding;

/// Modes that the Prometheus scaler knows.
const MODES: [&str; 4] = ["bearer", "basic", "tls", "custom"];

impl Checker<'_> {
    pub(super) fn authentication(&mut self, trigger: &Trigger<'_>) {
        let modes = trigger.value("authModes").or_else(|| trigger.value("authMode"));
        let reference = trigger.node.get("authenticationRef");
        let entry = trigger.entry("authModes").or_else(|| trigger.entry("authMode"));
        if let (Some(modes), Some(entry)) = (modes.as_deref().filter(|modes| is_known(modes)), entry) {
            let place = self.place(&entry.node);
            for mode in modes.split(',').map(str::trim).filter(|mode| !MODES.contains(mode)) {
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
            if reference.is_none() {
                self.push(
                    Finding::new(&AUTHENTICATION, place, format!("`authModes: {modes}` without credentials"))
                        .why("KEDA cannot build the scaler: the ScaledObject is never ready, and nothing scales")
                        .help("write `authenticationRef: { name: … }` beside `type`"),
                );
            }
        }
    }
}
