use std::fmt;

/// Major and minor version of a piece of software; the patch level decides nothing but one KEDA fix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    pub major: u16,
    pub minor: u16,
    /// `u16::MAX` where none was stated: the newest patch of that minor version.
    pub patch: u16,
}

impl Version {
    pub const fn new(major: u16, minor: u16) -> Self {
        Version { major, minor, patch: u16::MAX }
    }

    /// Reads `2.20`, `v2.20` or `2.20.1`.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim().trim_start_matches('v');
        let mut parts = text.split('.').map(|part| {
            let digits = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
            digits.then(|| part.parse::<u16>().ok()).flatten()
        });
        let (major, minor) = (parts.next()??, parts.next()??);
        let patch = match parts.next() {
            Some(patch) => patch?,
            None => u16::MAX,
        };
        parts.next().is_none().then_some(Version { major, minor, patch })
    }

    pub fn at_least(self, major: u16, minor: u16) -> bool {
        (self.major, self.minor) >= (major, minor)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}", self.major, self.minor)?;
        if self.patch != u16::MAX {
            write!(formatter, ".{}", self.patch)?;
        }
        Ok(())
    }
}

/// The versions that a cluster runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Versions {
    pub keda: Version,
    pub kubernetes: Version,
    pub prometheus: Version,
}

impl Default for Versions {
    /// The newest that slogen knows.
    fn default() -> Self {
        Versions {
            keda: Version::new(2, 20),
            kubernetes: Version::new(1, 35),
            prometheus: Version::new(3, 14),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Version;

    #[test]
    fn reads_what_people_write() {
        assert_eq!(Version::parse("v2.20"), Some(Version::new(2, 20)));
        assert_eq!(Version::parse("2.20.1").map(|v| v.to_string()).as_deref(), Some("2.20.1"));
        assert!(Version::parse("2.9") < Version::parse("2.20"));
        for wrong in ["2", "2.x", "2.20.1.4", "", "2.", "-1.2", "99999.1"] {
            assert_eq!(Version::parse(wrong), None, "{wrong}");
        }
    }
}
