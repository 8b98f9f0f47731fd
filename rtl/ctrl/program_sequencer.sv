// The walkers of a program, one behind the other: the first asks for what the lanes will take, the
// second takes it, the third makes results of it. Steps go from one to the next in order.
module program_sequencer #(
  parameter int unsigned Lanes        = 4,
  parameter int unsigned Slots        = 4,
  parameter int unsigned Words        = 4096,
  parameter int unsigned LanesPerSilu = 2,
  localparam int unsigned AddrW    = $clog2(Words),
  localparam int unsigned CacheSlotW = kv_pkg::SlotW,
  localparam int unsigned SlotW    = $clog2(Slots),
  localparam int unsigned RoundW   = ctrl_pkg::RoundW,
  localparam int unsigned BlocksW  = ctrl_pkg::BlocksW,
  localparam int unsigned IndexW   = ctrl_pkg::IndexW,
  localparam int unsigned StripesW = ctrl_pkg::StripesW
) (
  input  logic                      clk_i,
  input  logic                      rst_ni,
  input  ctrl_pkg::pass_t           pass_i,
  input  ctrl_pkg::shape_t          shape_i,
  input  ctrl_pkg::cache_t          cache_i,
  input  logic [CacheSlotW*Slots-1:0] slots_i,    // [token]
  // Instructions come first; then the program is walked.
  input  logic                      fetch_start_i,
  input  logic [31:0]               fetch_count_i,
  input  logic                      fetch_valid_i,
  input  accllm_pkg::instruction_t  fetch_beat_i,
  output logic                      fetch_done_o,
  output accllm_pkg::kernel_error_e fetch_error_o,
  output logic [IndexW-1:0]         fetch_index_o,
  input  logic                      walk_start_i,
  output logic                      walk_done_o,
  output logic [IndexW-1:0]         beat_index_o,
  output logic [IndexW-1:0]         result_index_o,
  // Runs of stripes.
  output logic                      command_valid_o,
  input  logic                      command_ready_i,
  output logic [31:0]               command_stripe_o,
  output logic [StripesW-1:0]       command_stripes_o,
  // The stream of all lanes, and what they do with it.
  input  logic                      valid_i,
  output logic                      read_o,
  output logic                      pop_o,
  output rce_pkg::beat_t            beat_o,
  output logic                      waits_memory_o,
  output logic                      waits_room_o,
  // Operands: reads of the activation buffer; two cycles later, to where in the lanes.
  output logic                      operand_read_o,
  output logic                      operand_buffer_o,
  output logic [BlocksW-1:0]        operand_block_o,
  output logic                      operand_half_o,
  output logic [1:0]                operand_entry_o,
  output logic                      operand_both_o,
  output logic                      operand_upper_o,
  output logic [1:0]                operand_we_o,
  output logic [4:0]                operand_waddr_o,
  // Sums.
  input  logic                      sum_valid_i,
  output logic                      sum_ready_o,
  input  logic [SlotW-1:0]          sum_token_i,
  input  logic [2:0]                sum_row_i,
  input  logic                      drained_i,
  // The vector unit.
  output logic                      side_beat_o,
  output logic                      side_is_float_o,
  input  logic [1:0]                side_ready_i,
  output vector_pkg::op_t           op_o,
  output logic [AddrW-1:0]          raddr_o,
  output logic [AddrW-1:0]          waddr_o,
  input  logic                      idle_i,
  input  logic [Slots-1:0]          square_ready_i,
  input  logic [1:0]                available_i,
  output logic                      scalar_start_o,
  input  logic                      scalar_ready_i,
  output logic                      scalar_is_a8_o,
  output logic                      scalar_buffer_o,
  output logic [31:0]               eps_o,
  // Attention: its steps, and its beats.
  output logic                      heads_start_o,
  output logic                      is_attend_o,
  output logic                      is_value_o,
  input  logic                      stored_i,
  input  logic                      attended_i,
  output logic [31:0]               keys_o,
  output logic [31:0]               values_o,
  output logic                      load_o,
  output logic                      angle_beat_o,
  output logic                      old_start_o,
  input  logic                      old_done_i,
  input  logic                      old_room_i,
  output logic                      old_beat_o,
  output logic                      attend_start_o,
  input  logic                      attend_done_i,
  input  logic                      attend_may_i,
  input  logic                      attend_pop_i,
  output logic                      attend_takes_o,
  input  rce_pkg::beat_t            attend_beat_i,
  // Tiles of logits.
  output logic                      tile_o,
  output logic [SlotW-1:0]          tile_token_o,
  output logic [RoundW-1:0]         tile_round_o,
  input  logic                      tile_taken_i
);
  localparam int unsigned StepW = ctrl_pkg::StepW;
  localparam int unsigned Steps = 8;  // between two walkers
  localparam int unsigned CountW = $clog2(Steps) + 1;

  logic              step_read;
  logic [IndexW-1:0] step_raddr;
  ctrl_pkg::step_t   fetched, asked, walked, job;
  instruction_fetch u_fetch (
    .clk_i, .rst_ni, .start_i(fetch_start_i), .count_i(fetch_count_i), .shape_i,
    .has_attention_i(cache_i.fits), .valid_i(fetch_valid_i),
    .beat_i(fetch_beat_i), .done_o(fetch_done_o), .error_o(fetch_error_o),
    .index_o(fetch_index_o), .read_i(step_read), .raddr_i(step_raddr), .step_o(fetched)
  );

  logic asked_valid, asked_ready, walked_valid, walked_ready;
  stream_walker #(.Slots(Slots)) u_stream (
    .clk_i, .rst_ni, .start_i(walk_start_i), .pass_i, .shape_i, .cache_i, .slots_i,
    .stored_i, .read_o(step_read), .raddr_o(step_raddr), .step_i(fetched),
    .valid_o(command_valid_o), .ready_i(command_ready_i), .stripe_o(command_stripe_o),
    .stripes_o(command_stripes_o), .step_valid_o(asked_valid),
    .step_ready_i(asked_ready), .step_o(asked)
  );
  logic [CountW-1:0] unused_steps, unused_jobs;
  fifo_sync #(.Width(StepW), .Depth(Steps), .Style("distributed")) u_steps (
    .clk_i, .rst_ni, .valid_i(asked_valid), .ready_o(asked_ready), .data_i(asked),
    .valid_o(walked_valid), .ready_i(walked_ready), .data_o(walked), .count_o(unused_steps)
  );

  logic               begins, begins_ready, job_valid, job_ready;
  logic [1:0]         coded, freed;
  logic               feed_start, feed_ready, feed_buffer, feed_both, feed_halves, filled;
  logic [BlocksW-1:0] feed_last_block;
  logic [RoundW-1:0]  feed_last_round;
  beat_walker #(.Slots(Slots)) u_beats (
    .clk_i, .rst_ni, .pass_i, .shape_i, .cache_i, .step_valid_i(walked_valid),
    .step_ready_o(walked_ready), .step_i(walked), .job_valid_o(begins),
    .job_ready_i(begins_ready), .coded_i(coded), .valid_i, .read_o, .pop_o, .beat_o, .side_beat_o,
    .side_is_float_o, .side_ready_i, .drained_i,
    .feed_start_o(feed_start), .feed_ready_i(feed_ready), .feed_buffer_o(feed_buffer),
    .feed_last_block_o(feed_last_block), .feed_last_round_o(feed_last_round),
    .feed_both_o(feed_both), .feed_halves_o(feed_halves), .filled_i(filled), .freed_o(freed),
    .load_o, .angle_beat_o, .old_start_o, .old_done_i, .old_room_i, .old_beat_o, .attend_start_o,
    .attend_done_i, .attend_may_i, .attend_pop_i, .attend_takes_o, .attend_beat_i,
    .index_o(beat_index_o), .waits_memory_o, .waits_room_o
  );
  operand_feed u_feed (
    .clk_i, .rst_ni, .start_i(feed_start), .ready_o(feed_ready), .buffer_i(feed_buffer),
    .last_block_i(feed_last_block), .last_round_i(feed_last_round), .both_i(feed_both),
    .halves_i(feed_halves), .read_o(operand_read_o), .buffer_o(operand_buffer_o),
    .block_o(operand_block_o), .half_o(operand_half_o), .entry_o(operand_entry_o),
    .both_o(operand_both_o), .upper_o(operand_upper_o), .we_o(operand_we_o),
    .waddr_o(operand_waddr_o), .filled_o(filled), .freed_i(freed)
  );
  fifo_sync #(.Width(StepW), .Depth(Steps), .Style("distributed")) u_jobs (
    .clk_i, .rst_ni, .valid_i(begins), .ready_o(begins_ready), .data_i(walked),
    .valid_o(job_valid), .ready_i(job_ready), .data_o(job), .count_o(unused_jobs)
  );
  vector_walker #(
    .Lanes(Lanes), .Slots(Slots), .Words(Words), .LanesPerSilu(LanesPerSilu)
  ) u_results (
    .clk_i, .rst_ni, .pass_i, .shape_i, .job_valid_i(job_valid), .job_ready_o(job_ready),
    .job_i(job), .op_o, .raddr_o, .waddr_o, .idle_i, .square_ready_i, .available_i,
    .scalar_start_o, .scalar_ready_i, .scalar_is_a8_o, .buffer_o(scalar_buffer_o), .eps_o,
    .coded_o(coded), .sum_valid_i, .sum_ready_o, .sum_token_i, .sum_row_i, .drained_i, .tile_o,
    .tile_token_o, .tile_round_o, .tile_taken_i, .heads_start_o, .is_attend_o, .is_value_o,
    .stored_i,
    .attended_i,
    .keys_o, .values_o, .done_o(walk_done_o), .index_o(result_index_o)
  );
endmodule
