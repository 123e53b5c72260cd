-- Active accounts may be given other names.

GRANT UPDATE (name, display_name) ON zeropass.accounts TO zeropass_accounts;
