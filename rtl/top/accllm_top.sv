// The kernel: registers, a memory channel and a lane for each of Lanes, the vector unit, and what
// walks a program. Attention's units are not part of it yet.
//
// Signals of AXI are side by side for all channels; what is constant (64 bytes, INCR, bursts of one
// beat in writes) is left to the wrapper.
module accllm_top #(
  parameter int unsigned Lanes        = 4,     // a power of two, 2 to 64
  parameter int unsigned Slots        = 4,     // a power of two, at least 2
  parameter int unsigned Words        = 5120,  // of a lane's bank of floats
  parameter int unsigned Blocks       = 64,    // of an activation buffer; a power of two
  parameter int unsigned LanesPerSilu = 2,
  parameter int unsigned BurstBeats   = 64,
  parameter int unsigned QueueBeats   = 512,   // behind a channel
  parameter int unsigned BufferBeats  = 512,   // in front of a lane
  parameter int unsigned AddressW     = 40,
  localparam int unsigned BeatW = accllm_pkg::BeatBytes * 8
) (
  input  logic                     clk_i,
  input  logic                     rst_ni,
  output logic                     interrupt_o,
  // Registers.
  input  logic                     aw_valid_i,
  output logic                     aw_ready_o,
  input  logic [11:0]              aw_address_i,
  input  logic                     w_valid_i,
  output logic                     w_ready_o,
  input  logic [31:0]              w_data_i,
  input  logic [3:0]               w_strobe_i,
  output logic                     b_valid_o,
  input  logic                     b_ready_i,
  output logic [1:0]               b_response_o,
  input  logic                     ar_valid_i,
  output logic                     ar_ready_o,
  input  logic [11:0]              ar_address_i,
  output logic                     r_valid_o,
  input  logic                     r_ready_i,
  output logic [31:0]              r_data_o,
  output logic [1:0]               r_response_o,
  // Memory channels.
  output logic [Lanes-1:0]         m_ar_valid_o,
  input  logic [Lanes-1:0]         m_ar_ready_i,
  output logic [64*Lanes-1:0]      m_ar_address_o,
  output logic [8*Lanes-1:0]       m_ar_length_o,
  input  logic [Lanes-1:0]         m_r_valid_i,
  output logic [Lanes-1:0]         m_r_ready_o,
  input  logic [BeatW*Lanes-1:0]   m_r_data_i,
  input  logic [2*Lanes-1:0]       m_r_response_i,
  input  logic [Lanes-1:0]         m_r_last_i,
  output logic [Lanes-1:0]         m_aw_valid_o,
  input  logic [Lanes-1:0]         m_aw_ready_i,
  output logic [64*Lanes-1:0]      m_aw_address_o,
  output logic [Lanes-1:0]         m_w_valid_o,
  input  logic [Lanes-1:0]         m_w_ready_i,
  output logic [BeatW*Lanes-1:0]   m_w_data_o,
  output logic [BeatW/8*Lanes-1:0] m_w_strobe_o,
  input  logic [Lanes-1:0]         m_b_valid_i,
  output logic [Lanes-1:0]         m_b_ready_o,
  input  logic [2*Lanes-1:0]       m_b_response_i,
  // What a bench compares: floats that are written to the banks, and codes of activations.
  output logic                     trace_valid_o,
  output vector_pkg::value_t       trace_value_o,
  output logic [$clog2(Words)-1:0] trace_addr_o,
  output logic [32*Lanes-1:0]      trace_floats_o
);
  localparam int unsigned Queries  = Slots / 2;
  localparam int unsigned AddrW    = $clog2(Words);
  localparam int unsigned SlotW    = $clog2(Slots);
  localparam int unsigned BlockW   = $clog2(Blocks);
  localparam int unsigned LineW    = 4 * 8 * Slots * 8;
  localparam int unsigned SumsW    = rce_pkg::Groups * Queries * rce_pkg::QuerySumW;
  localparam int unsigned IndexW   = ctrl_pkg::IndexW;
  localparam int unsigned RoundW   = ctrl_pkg::RoundW;
  localparam int unsigned StripesW = ctrl_pkg::StripesW;
  localparam int unsigned BlocksW  = ctrl_pkg::BlocksW;
  localparam int unsigned TileW    = BeatW / 2;

  // A pass.
  logic                      start, done, core_rst_n, check_start, check_done, check_fits;
  logic                      fetch_start, fetch_valid, fetches, fetch_done, walk_start, walk_done;
  logic                      discards, error_clear, streams, waits_memory, waits_room;
  logic [31:0]               fetch_count;
  logic [IndexW-1:0]         fetch_index, beat_index, result_index;
  logic [64*Lanes-1:0]       bases;
  logic [Lanes-1:0]          port_idle, read_errors, write_errors, command_ready;
  accllm_pkg::arguments_t    arguments;
  accllm_pkg::status_t       status;
  accllm_pkg::kernel_error_e fetch_error;
  ctrl_pkg::pass_t           pass;
  ctrl_pkg::shape_t          shape;
  axi_lite_registers #(.Channels(Lanes)) u_registers (
    .clk_i, .rst_ni, .aw_valid_i, .aw_ready_o, .aw_address_i, .w_valid_i, .w_ready_o, .w_data_i,
    .w_strobe_i, .b_valid_o, .b_ready_i, .b_response_o, .ar_valid_i, .ar_ready_o, .ar_address_i,
    .r_valid_o, .r_ready_i, .r_data_o, .r_response_o, .interrupt_o, .start_o(start),
    .done_i(done), .memory_o(bases), .arguments_o(arguments), .status_i(status)
  );
  kernel_control #(.Lanes(Lanes)) u_control (
    .clk_i, .rst_ni, .start_i(start), .done_o(done), .arguments_i(arguments), .status_o(status),
    .pass_o(pass), .core_rst_no(core_rst_n), .check_start_o(check_start),
    .check_done_i(check_done), .check_fits_i(check_fits), .fetch_start_o(fetch_start),
    .fetch_count_o(fetch_count), .fetch_valid_o(fetch_valid), .fetch_ready_i(command_ready[0]),
    .fetches_o(fetches), .fetch_done_i(fetch_done), .fetch_error_i(fetch_error),
    .fetch_index_i(fetch_index), .walk_start_o(walk_start), .walk_done_i(walk_done),
    .beat_index_i(beat_index), .result_index_i(result_index), .discards_o(discards),
    .error_clear_o(error_clear), .is_idle_i(&port_idle), .read_errors_i(read_errors),
    .write_errors_i(write_errors), .streams_i(streams), .waits_memory_i(waits_memory),
    .waits_room_i(waits_room)
  );
  geometry_check #(.Lanes(Lanes), .Slots(Slots), .Words(Words), .Blocks(Blocks)) u_check (
    .clk_i, .rst_ni(core_rst_n), .start_i(check_start), .geometry_i(arguments.geometry),
    .done_o(check_done), .fits_o(check_fits), .shape_o(shape)
  );

  // The program.
  logic                command_valid, fetch_beat_ready, pops, feeds, tile, tile_taken;
  logic [31:0]         command_stripe, eps;
  logic [StripesW-1:0] command_stripes;
  logic [Lanes-1:0]    beat_valid, port_valid, buffer_ready;
  logic [BeatW*Lanes-1:0] port_beat, words;
  rce_pkg::beat_t      beat;
  logic                operand_buffer, operand_half, operand_both, operand_upper;
  logic [BlocksW-1:0]  operand_block;
  logic [1:0]          operand_entry, operand_we, side_ready, available;
  logic [4:0]          operand_waddr;
  logic                sum_valid, sum_ready, drained, side_beat, side_is_float, vector_idle;
  logic [SlotW-1:0]    sum_token, tile_token;
  logic [2:0]          sum_row;
  vector_pkg::op_t     op;
  logic [AddrW-1:0]    raddr, waddr;
  logic [Slots-1:0]    square_ready;
  logic                scalar_start, scalar_ready, scalar_is_a8, scalar_buffer;
  logic [RoundW-1:0]   tile_round;
  program_sequencer #(
    .Lanes(Lanes), .Slots(Slots), .Words(Words), .LanesPerSilu(LanesPerSilu)
  ) u_sequencer (
    .clk_i, .rst_ni(core_rst_n), .pass_i(pass), .shape_i(shape), .fetch_start_i(fetch_start),
    .fetch_count_i(fetch_count), .fetch_valid_i(fetches && port_valid[0]),
    .fetch_ready_o(fetch_beat_ready), .fetch_beat_i(port_beat[BeatW-1:0]),
    .fetch_done_o(fetch_done), .fetch_error_o(fetch_error), .fetch_index_o(fetch_index),
    .walk_start_i(walk_start), .walk_done_o(walk_done), .beat_index_o(beat_index),
    .result_index_o(result_index), .command_valid_o(command_valid),
    .command_ready_i(&command_ready), .command_stripe_o(command_stripe),
    .command_stripes_o(command_stripes), .valid_i(&beat_valid), .read_o(streams), .pop_o(pops),
    .beat_o(beat), .waits_memory_o(waits_memory), .waits_room_o(waits_room),
    .operand_read_o(feeds), .operand_buffer_o(operand_buffer), .operand_block_o(operand_block),
    .operand_half_o(operand_half), .operand_entry_o(operand_entry),
    .operand_both_o(operand_both), .operand_upper_o(operand_upper), .operand_we_o(operand_we),
    .operand_waddr_o(operand_waddr), .sum_valid_i(sum_valid), .sum_ready_o(sum_ready),
    .sum_token_i(sum_token), .sum_row_i(sum_row), .drained_i(drained), .side_beat_o(side_beat),
    .side_is_float_o(side_is_float), .side_ready_i(side_ready), .op_o(op), .raddr_o(raddr),
    .waddr_o(waddr), .idle_i(vector_idle), .square_ready_i(square_ready),
    .available_i(available), .scalar_start_o(scalar_start), .scalar_ready_i(scalar_ready),
    .scalar_is_a8_o(scalar_is_a8), .scalar_buffer_o(scalar_buffer), .eps_o(eps), .tile_o(tile),
    .tile_token_o(tile_token), .tile_round_o(tile_round), .tile_taken_i(tile_taken)
  );

  // Operands, the same for all lanes.
  logic [LineW-1:0]    line;
  logic [2*LineW-1:0]  operands;
  logic [SumsW-1:0]    query_sums;
  logic [1:0]          act_we;
  logic [4:0]          act_entry;
  rce_feed #(.Slots(Slots)) u_feed (
    .clk_i, .we_i(operand_we), .entry_i(operand_waddr), .by_position_i(1'b0), .line_i(line),
    .query_sum_i('0), .act_we_o(act_we), .act_entry_o(act_entry), .act_o(operands),
    .query_sum_o(query_sums)
  );

  // Lanes.
  logic               read_set, read_upper;
  logic [2:0]         read_row;
  logic [SlotW-1:0]   read_slot;
  logic [32*Lanes-1:0] sums;
  logic [Lanes-1:0]   write_valid, write_ready, sets;
  logic [31:0]        write_stripe;
  logic               write_is_upper;
  logic [TileW*Lanes-1:0] write_tiles;
  logic [rce_pkg::ResultBeatW*Lanes-1:0] results;
  for (genvar l = 0; l < Lanes; l++) begin : gen_lane
    // The instructions lie in the first channel, at an address of their own.
    logic        takes_program;
    logic [63:0] base;
    assign takes_program = l == 0 && fetch_valid;
    assign base          = takes_program ? arguments.instructions : bases[64*l +: 64];
    memory_port #(
      .BurstBeats(BurstBeats), .QueueBeats(QueueBeats), .AddressW(AddressW)
    ) u_port (
      .clk_i, .rst_ni, .base_i(base),
      .command_valid_i(takes_program || (command_valid && (&command_ready))),
      .command_ready_o(command_ready[l]),
      .command_stripe_i(takes_program ? 32'd0 : command_stripe),
      .command_stripes_i(takes_program ? StripesW'(fetch_count) : command_stripes),
      .valid_o(port_valid[l]),
      .ready_i(discards || (l == 0 && fetches ? fetch_beat_ready : buffer_ready[l])),
      .beat_o(port_beat[BeatW*l +: BeatW]), .write_valid_i(write_valid[l]),
      .write_ready_o(write_ready[l]), .write_stripe_i(write_stripe),
      .write_is_upper_i(write_is_upper), .write_data_i(write_tiles[TileW*l +: TileW]),
      .idle_o(port_idle[l]), .read_error_o(read_errors[l]), .write_error_o(write_errors[l]),
      .error_clear_i(error_clear), .ar_valid_o(m_ar_valid_o[l]), .ar_ready_i(m_ar_ready_i[l]),
      .ar_address_o(m_ar_address_o[64*l +: 64]), .ar_length_o(m_ar_length_o[8*l +: 8]),
      .r_valid_i(m_r_valid_i[l]), .r_ready_o(m_r_ready_o[l]),
      .r_data_i(m_r_data_i[BeatW*l +: BeatW]), .r_response_i(m_r_response_i[2*l +: 2]),
      .r_last_i(m_r_last_i[l]), .aw_valid_o(m_aw_valid_o[l]), .aw_ready_i(m_aw_ready_i[l]),
      .aw_address_o(m_aw_address_o[64*l +: 64]), .w_valid_o(m_w_valid_o[l]),
      .w_ready_i(m_w_ready_i[l]), .w_data_o(m_w_data_o[BeatW*l +: BeatW]),
      .w_strobe_o(m_w_strobe_o[BeatW/8*l +: BeatW/8]), .b_valid_i(m_b_valid_i[l]),
      .b_ready_o(m_b_ready_o[l]), .b_response_i(m_b_response_i[2*l +: 2])
    );
    stream_buffer #(.Depth(BufferBeats)) u_buffer (
      .clk_i, .rst_ni(core_rst_n), .valid_i(port_valid[l] && !fetches && !discards),
      .ready_o(buffer_ready[l]), .beat_i(port_beat[BeatW*l +: BeatW]), .valid_o(beat_valid[l]),
      .read_i(streams), .pop_i(pops), .mark_i(1'b1), .rewind_i(1'b0),
      .word_o(words[BeatW*l +: BeatW])
    );
    logic [Queries*rce_pkg::DspW-1:0]    unused_product;
    logic [Queries*rce_pkg::ResultW-1:0] unused_lower;
    rce_lane #(.Slots(Slots)) u_engine (
      .clk_i, .rst_ni(core_rst_n), .beat_i(beat), .word_i(words[BeatW*l +: BeatW]),
      .act_we_i(act_we), .act_entry_i(act_entry), .act_i(operands), .query_sum_i(query_sums),
      .key_multiplier_i('0), .coefficient_i('0), .factor_i('0),
      .result_o(results[rce_pkg::ResultBeatW*l +: rce_pkg::ResultBeatW]),
      .product_o(unused_product), .lower_o(unused_lower), .set_o(sets[l]), .read_set_i(read_set),
      .read_upper_i(read_upper), .read_row_i(read_row), .read_slot_i(read_slot),
      .sum_o(sums[32*l +: 32])
    );
  end

  // All lanes have their sums at the same time.
  rce_pkg::result_t result;
  assign result = results[rce_pkg::ResultBeatW-1:0];
  rce_drain #(.Slots(Slots)) u_drain (
    .clk_i, .rst_ni(core_rst_n),
    .done_i(result.kind == rce_pkg::KindData && !result.mode[2] && result.last),
    .set_i(sets[0]), .last_token_i(SlotW'(pass.n_tokens - 1'b1)),
    .halves_i(result.mode != rce_pkg::ModeSparse24), .read_set_o(read_set),
    .read_upper_o(read_upper), .read_row_o(read_row), .read_slot_o(read_slot),
    .valid_o(sum_valid), .ready_i(sum_ready), .token_o(sum_token), .row_o(sum_row),
    .drained_o(drained)
  );

  vector_array #(
    .Lanes(Lanes), .Slots(Slots), .Words(Words), .Blocks(Blocks), .LanesPerSilu(LanesPerSilu)
  ) u_vector (
    .clk_i, .rst_ni(core_rst_n), .op_i(op), .raddr_i(raddr), .waddr_i(waddr), .sum_i(sums),
    .idle_o(vector_idle), .square_ready_o(square_ready), .side_beat_i(side_beat),
    .side_is_float_i(side_is_float), .word_i(words), .side_ready_o(side_ready),
    .available_o(available), .scalar_start_i(scalar_start), .scalar_ready_o(scalar_ready),
    .scalar_is_a8_i(scalar_is_a8), .scalar_buffer_i(scalar_buffer),
    .last_token_i(SlotW'(pass.n_tokens - 1'b1)), .n_i(24'(arguments.geometry[23:0])),
    .eps_i(eps), .operand_read_i(feeds), .operand_buffer_i(operand_buffer),
    .operand_block_i(operand_block[BlockW-1:0]), .operand_half_i(operand_half),
    .operand_entry_i(operand_entry), .operand_both_i(operand_both),
    .operand_upper_i(operand_upper), .operand_o(line), .value_valid_o(trace_valid_o),
    .value_info_o(trace_value_o), .value_addr_o(trace_addr_o), .value_o(trace_floats_o)
  );
  logit_writer #(.Lanes(Lanes), .Slots(Slots)) u_logits (
    .clk_i, .rst_ni(core_rst_n), .address_i(pass.output_address),
    .rounds_i(shape.rounds[RoundW*ctrl_pkg::PlaceOutput +: RoundW]), .tile_i(tile),
    .tile_token_i(tile_token), .tile_round_i(tile_round), .taken_o(tile_taken),
    .valid_i(trace_valid_o && trace_value_o.is_output), .last_i(trace_value_o.row == '1),
    .value_i(trace_floats_o), .valid_o(write_valid), .ready_i(write_ready),
    .stripe_o(write_stripe), .is_upper_o(write_is_upper), .tile_o(write_tiles)
  );

  logic unused;
  assign unused = ^{sets, results, result, operand_block, shape};
endmodule
