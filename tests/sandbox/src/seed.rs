//! The tenant's users and devices by name: the ids that `seed.json` gives them.

/// Active; bound to three devices.
pub const JSMITH: &str = "5f0c1b2a3d4e5f6071829301";
/// Suspended.
pub const MGARCIA: &str = "5f0c1b2a3d4e5f6071829302";
/// Staged.
pub const PNEW: &str = "5f0c1b2a3d4e5f6071829303";
/// Linked to an administrator.
pub const CADMIN: &str = "5f0c1b2a3d4e5f6071829305";
/// One of two users who have `kim@company.com`: as a user name.
pub const KIM: &str = "5f0c1b2a3d4e5f6071829308";
/// The other: as an e-mail address.
pub const KPARK: &str = "5f0c1b2a3d4e5f6071829309";
/// An administrator who is no user.
pub const OTHER_ADMIN: &str = "5e0c1b2a3d4e5f6071829399";
/// Windows, online; bound to jsmith and adunn.
pub const COMPUTER123: &str = "633f3f295482343ff32add41";
/// Windows Home, offline; called `John's laptop`.
pub const JSMITH_LAPTOP: &str = "6140aa10bb20cc30dd40ee01";
/// Linux.
pub const BUILD_07: &str = "6140aa10bb20cc30dd40ee02";
/// macOS.
pub const MACBOOK_ANA: &str = "6140aa10bb20cc30dd40ee03";
/// The same as the Apple MDM knows it.
pub const MACBOOK_ANA_IN_MDM: &str = "61aa10bb20cc30dd40ee6001";
/// The Apple MDM.
pub const APPLE_MDM: &str = "61aa10bb20cc30dd40ee5001";
/// One of two hosts of that name.
pub const LAPTOP_7: &str = "6140aa10bb20cc30dd40ee04";
/// The other, in lower case.
pub const LAPTOP_7_TOO: &str = "6140aa10bb20cc30dd40ee05";
/// Does not offer the shutdown command.
pub const KIOSK: &str = "6140aa10bb20cc30dd40ee06";
/// A tablet.
pub const IPAD_3: &str = "6140aa10bb20cc30dd40ee07";
/// No object has this id.
pub const NOBODY: &str = "0123456789abcdef01234567";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ids_are_those_of_the_seed() {
        let seed = include_str!("seed.json");
        for (id, name) in [
            (JSMITH, "jsmith"),
            (MGARCIA, "mgarcia"),
            (PNEW, "pnew"),
            (CADMIN, "cadmin"),
            (KIM, "kim@company.com"),
            (KPARK, "kpark"),
            (COMPUTER123, "Computer123"),
            (JSMITH_LAPTOP, "jsmith-laptop"),
            (BUILD_07, "build-07"),
            (MACBOOK_ANA, "MacBook-Ana"),
            (LAPTOP_7, "LAPTOP-7"),
            (LAPTOP_7_TOO, "laptop-7"),
            (KIOSK, "kiosk-1"),
            (IPAD_3, "ipad-3"),
        ] {
            let line = seed.lines().find(|line| line.contains(&format!("\"_id\": \"{id}\""))).expect("an object");
            assert!(line.contains(&format!("\"{name}\"")), "{id} is not {name}: {line}");
        }
        assert!(!seed.contains(NOBODY));
    }
}
