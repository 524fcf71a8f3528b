//! One test program; tests are data wherever they can be: to add a case, add a file.

mod architecture;
mod beside;
mod check;
mod cli;
mod fixes;
mod gallery;
mod inspect;
mod jobs;
mod judges;
mod lint;
mod manifests;
mod output;
mod overlays;
mod paths;
mod policy;
mod promql;
mod readme;
mod repositories;
mod support;
mod versions;
