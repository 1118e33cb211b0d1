// The scalars that change from step to step; packStep() in src/optim/optimizer.ts writes them.
struct Step { lr: f32, momentum: f32, weight_decay: f32, tau: f32, one_minus_tau: f32, slot: u32, part: u32 }
