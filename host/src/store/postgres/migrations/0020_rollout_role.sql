-- Revisions and rollouts get a role of their own: what decides which code runs is no business
-- of the role that has people's accounts. An administrator has made the role (`store roles`).

REVOKE ALL ON zeropass.revisions, zeropass.rollouts, zeropass.rollout_history,
    zeropass.rollout_hosts FROM zeropass_accounts;

GRANT SELECT, INSERT, UPDATE (version, minisig), DELETE ON zeropass.revisions
    TO zeropass_rollouts;
GRANT SELECT, INSERT, UPDATE (epoch, stable, canary, canary_weight, predecessors)
    ON zeropass.rollouts TO zeropass_rollouts;
GRANT SELECT, INSERT ON zeropass.rollout_history TO zeropass_rollouts;
GRANT SELECT, INSERT, UPDATE (epoch, stable, canary, problem, seen_at)
    ON zeropass.rollout_hosts TO zeropass_rollouts;

-- A change of a rollout commits with its audit record.
GRANT EXECUTE ON FUNCTION zeropass.append_audit(text, text, bigint, text),
    zeropass.last_audit_group(text) TO zeropass_rollouts;
GRANT SELECT ON zeropass._sqlx_migrations TO zeropass_rollouts;
