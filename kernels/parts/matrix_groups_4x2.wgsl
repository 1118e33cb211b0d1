// Workgroups of 4 × 2 subgroups.
const GROUP_ROWS = 4u;
const GROUP_COLUMNS = 2u;
