//! Emulators of the providers' APIs.
