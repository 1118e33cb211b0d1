// Workgroups of 2 × 2 subgroups.
const GROUP_ROWS = 2u;
const GROUP_COLUMNS = 2u;
