//! Who may do what: principals, keys that sign, policies, keys that encrypt.
