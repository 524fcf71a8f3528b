//! The policy language: broken policies, all findings at once, pages of rules, hostile input.

mod broken;
mod pages;
mod robust;
