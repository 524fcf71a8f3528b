//! How the program is linked. A linter in a hook starts once for each commit, and most of such a run is the start itself:
//! an executable at a fixed address has no 25,000 relocations to write first, which is a sixth of the time for one file.
//! What it gives up, a random address of its own code, guards programs that can be made to jump; here `unsafe` is forbidden.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let is = |name: &str, value: &str| std::env::var(name).is_ok_and(|own| own == value);
    if is("CARGO_CFG_TARGET_OS", "linux") && is("CARGO_CFG_TARGET_ENV", "gnu") {
        println!("cargo::rustc-link-arg-bin=slogen=-no-pie");
    }
}
