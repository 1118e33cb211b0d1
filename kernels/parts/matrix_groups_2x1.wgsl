// Workgroups of 2 × 1 subgroups.
const GROUP_ROWS = 2u;
const GROUP_COLUMNS = 1u;
