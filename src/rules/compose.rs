//! Keys that a service of Docker Compose does not have.
//!
//! Source: compose-spec/compose-spec schema/compose-spec.json, `service` (no additional properties but `x-…`).

use crate::finding::{Finding, nearest};
use crate::inventory::{Inventory, Object};
use crate::manifest::{Entry, Node};
use crate::schema::rules::UNKNOWN_FIELD;
use crate::scrape::is_compose;
use crate::source::Place;

const KEYS: &str = "annotations attach blkio_config build cap_add cap_drop cgroup cgroup_parent command configs \
    container_name cpu_count cpu_percent cpu_period cpu_quota cpu_rt_period cpu_rt_runtime cpu_shares cpus cpuset \
    credential_spec depends_on deploy develop device_cgroup_rules devices dns dns_opt dns_search domainname entrypoint \
    env_file environment expose extends external_links extra_hosts gpus group_add healthcheck hostname image init ipc \
    isolation label_file labels links logging mac_address mem_limit mem_reservation mem_swappiness memswap_limit models \
    network_mode networks oom_kill_disable oom_score_adj pid pids_limit platform ports post_start pre_stop privileged \
    profiles provider pull_policy pull_refresh_after read_only restart runtime scale secrets security_opt shm_size \
    stdin_open stop_grace_period stop_signal storage_opt sysctls tmpfs tty ulimits use_api_socket user userns_mode uts \
    volumes volumes_from working_dir";

pub fn check(inventory: &Inventory<'_>) -> Vec<Finding> {
    let files = inventory.objects.iter().filter(|object| is_compose(object));
    files.flat_map(of_file).collect()
}

fn of_file(object: &Object<'_>) -> Vec<Finding> {
    let services = object.at(&["services"]).map(Node::entries).unwrap_or_default();
    let is_unknown = |entry: &&Entry| {
        let key = entry.key.as_str();
        !key.starts_with("x-") && key != "<<" && !KEYS.split_whitespace().any(|known| known == key)
    };
    // Without an image or something to build it is no service of this language.
    let is_service = |service: &&Entry| ["image", "build"].iter().any(|key| service.node.get(key).is_some());
    let keys = services.iter().filter(is_service).flat_map(|service| {
        service.node.entries().iter().filter(is_unknown).map(move |entry| (service, entry))
    });
    keys.map(|(service, entry)| {
        let place = Place::new(object.document.file, entry.key_span);
        let message =
            format!("the service `{}` has a key `{}`", service.key.escape_debug(), entry.key.escape_debug());
        let finding = Finding::new(&UNKNOWN_FIELD, place, message).why(
            "Docker Compose takes no other keys than its own, and refuses the whole file: nothing is started",
        );
        match nearest(&entry.key, KEYS.split_whitespace()) {
            Some(near) => finding.help(format!("did you mean `{near}`?")),
            None => finding.help(
                "leave it out; options of a program belong into `command`, variables into `environment`",
            ),
        }
    })
    .collect()
}
