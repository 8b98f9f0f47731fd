// The kernel: registers, a memory channel and a lane for each of Lanes, the vector unit, attention,
// and what walks a program.
//
// Signals of AXI are side by side for all channels; what is constant (64 bytes, INCR, bursts of one
// beat in writes) is left to the wrapper.
module accllm_top #(
  parameter int unsigned Lanes        = 4,     // a power of two, 2 to 32
  parameter int unsigned Slots        = 4,     // a power of two, at least 2
  parameter int unsigned Words        = 5120,  // of a lane's bank of floats
  parameter int unsigned Blocks       = 64,    // of an activation buffer; a power of two
  parameter int unsigned LanesPerSilu = 2,
  parameter int unsigned HeadQueries  = 4,     // of a KV head in a pass, at most
  parameter int unsigned ScoreDepth   = 1024,  // of attention's RAMs: see there
  parameter int unsigned RowDepth     = 512,
  parameter int unsigned ChunkDepth   = 512,
  parameter int unsigned BurstBeats   = 64,
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
  output logic [Lanes-1:0]         trace_lanes_o,  // that are written
  output logic [32*Lanes-1:0]      trace_floats_o,
  // And when: the instruction whose beats are taken, and whose results are made.
  output logic [ctrl_pkg::IndexW-1:0] trace_beat_index_o,
  output logic [ctrl_pkg::IndexW-1:0] trace_result_index_o
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
  localparam int unsigned Cluster  = Lanes < 8 ? Lanes : 8;
  localparam int unsigned Clusters = Lanes / Cluster;
  localparam int unsigned Parts    = Lanes < 16 ? 1 : Lanes / 16;
  localparam int unsigned FactorsW = Queries * rce_pkg::FactorW;
  localparam int unsigned TokensW  = ctrl_pkg::TokensW;

  // A pass.
  logic                      start, done, core_rst_n, check_start, check_done, shape_done;
  logic                      fetch_start, fetch_valid, fetches, fetch_done, walk_start, walk_done;
  logic                      discards, error_clear, streams, waits_memory, waits_room;
  logic [31:0]               fetch_count;
  logic [IndexW-1:0]         fetch_index;
  logic [64*Lanes-1:0]       bases;
  logic [Lanes-1:0]          read_errors, write_errors;
  logic                      port_idle, written, command_ready, fetch_ready, fits;
  accllm_pkg::arguments_t    arguments;
  accllm_pkg::status_t       status;
  accllm_pkg::kernel_error_e fetch_error;
  ctrl_pkg::pass_t           pass;
  ctrl_pkg::shape_t          shape;
  axi_lite_registers #(.Channels(Lanes)) u_registers (
    .clk_i, .rst_ni, .aw_valid_i, .aw_ready_o, .aw_address_i, .w_valid_i, .w_ready_o, .w_data_i,
    .w_strobe_i, .b_valid_o, .b_ready_i, .b_response_o, .ar_valid_i, .ar_ready_o, .ar_address_i,
    .r_valid_o, .r_ready_i, .r_data_o, .r_response_o, .interrupt_o, .start_o(start), .done_i(done),
    .memory_o(bases), .arguments_o(arguments), .status_i(status)
  );
  kernel_control #(.Lanes(Lanes)) u_control (
    .clk_i, .rst_ni, .start_i(start), .done_o(done), .arguments_i(arguments), .status_o(status),
    .pass_o(pass), .core_rst_no(core_rst_n), .check_start_o(check_start), .check_done_i(check_done),
    .check_fits_i(fits), .fetch_start_o(fetch_start), .fetch_count_o(fetch_count),
    .fetch_valid_o(fetch_valid), .fetch_ready_i(fetch_ready), .fetches_o(fetches),
    .fetch_done_i(fetch_done), .fetch_error_i(fetch_error), .fetch_index_i(fetch_index),
    .walk_start_o(walk_start), .walk_done_i(walk_done), .beat_index_i(trace_beat_index_o),
    .result_index_i(trace_result_index_o), .discards_o(discards), .error_clear_o(error_clear),
    .is_idle_i(port_idle), .read_errors_i(read_errors), .write_errors_i(write_errors),
    .streams_i(streams), .waits_memory_i(waits_memory), .waits_room_i(waits_room)
  );
  geometry_check #(.Lanes(Lanes), .Slots(Slots), .Words(Words), .Blocks(Blocks)) u_check (
    .clk_i, .rst_ni(core_rst_n), .start_i(check_start), .geometry_i(arguments.geometry),
    .done_o(shape_done), .fits_o(fits), .shape_o(shape)
  );
  ctrl_pkg::cache_t cache;
  logic [kv_pkg::SlotW*Slots-1:0]   slots;
  logic [kv_pkg::WindowW*Slots-1:0] windows;
  cache_shape #(
    .Lanes(Lanes), .Slots(Slots), .HeadQueries(HeadQueries), .ScoreDepth(ScoreDepth),
    .RowDepth(RowDepth), .ChunkDepth(ChunkDepth), .BufferBeats(BufferBeats)
  ) u_cache (
    .clk_i, .rst_ni(core_rst_n), .start_i(check_start), .geometry_i(arguments.geometry),
    .position_i(arguments.position), .n_tokens_i(TokensW'(arguments.n_tokens)), .done_o(check_done),
    .cache_o(cache), .slots_o(slots), .windows_o(windows)
  );

  // The program.
  logic                command_valid, pops, feeds, tile, tile_taken;
  logic [31:0]         command_stripe, eps;
  logic [StripesW-1:0] command_stripes;
  logic                beat_valid;
  logic [Lanes-1:0]    port_valid;
  logic [$clog2(BufferBeats):0] freed;
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
  logic                heads_start, is_attend, is_value, stored, attended, load, angle_beat;
  logic                old_room, old_beat, old_start, old_done, mark, rewinds;
  logic                attend_start, attend_done, attend_may, attend_pop, attend_takes;
  logic [31:0]         keys, values;
  rce_pkg::beat_t      attend_beat;
  program_sequencer #(
    .Lanes(Lanes), .Slots(Slots), .Words(Words), .LanesPerSilu(LanesPerSilu)
  ) u_sequencer (
    .clk_i, .rst_ni(core_rst_n), .pass_i(pass), .shape_i(shape), .cache_i(cache), .slots_i(slots),
    .fetch_start_i(fetch_start), .fetch_count_i(fetch_count), .fetch_valid_i(fetches &&
    port_valid[0]), .fetch_beat_i(port_beat[BeatW-1:0]),
    .fetch_done_o(fetch_done), .fetch_error_o(fetch_error), .fetch_index_o(fetch_index),
    .walk_start_i(walk_start), .walk_done_o(walk_done), .beat_index_o(trace_beat_index_o),
    .result_index_o(trace_result_index_o), .command_valid_o(command_valid),
    .command_ready_i(command_ready), .command_stripe_o(command_stripe),
    .command_stripes_o(command_stripes), .valid_i(beat_valid), .read_o(streams), .pop_o(pops),
    .beat_o(beat), .waits_memory_o(waits_memory), .waits_room_o(waits_room), .operand_read_o(feeds),
    .operand_buffer_o(operand_buffer), .operand_block_o(operand_block),
    .operand_half_o(operand_half), .operand_entry_o(operand_entry), .operand_both_o(operand_both),
    .operand_upper_o(operand_upper), .operand_we_o(operand_we), .operand_waddr_o(operand_waddr),
    .sum_valid_i(sum_valid), .sum_ready_o(sum_ready), .sum_token_i(sum_token), .sum_row_i(sum_row),
    .drained_i(drained), .side_beat_o(side_beat), .side_is_float_o(side_is_float),
    .side_ready_i(side_ready), .op_o(op), .raddr_o(raddr), .waddr_o(waddr), .idle_i(vector_idle),
    .square_ready_i(square_ready), .available_i(available), .scalar_start_o(scalar_start),
    .scalar_ready_i(scalar_ready), .scalar_is_a8_o(scalar_is_a8), .scalar_buffer_o(scalar_buffer),
    .eps_o(eps), .heads_start_o(heads_start), .is_attend_o(is_attend), .is_value_o(is_value),
    .stored_i(stored),
    .attended_i(attended), .old_start_o(old_start), .old_done_i(old_done), .keys_o(keys),
    .values_o(values), .load_o(load), .angle_beat_o(angle_beat), .old_room_i(old_room),
    .old_beat_o(old_beat), .attend_start_o(attend_start), .attend_done_i(attend_done),
    .attend_may_i(attend_may), .attend_pop_i(attend_pop), .attend_takes_o(attend_takes),
    .attend_beat_i(attend_beat), .tile_o(tile), .tile_token_o(tile_token),
    .tile_round_o(tile_round), .tile_taken_i(tile_taken)
  );

  // Memory channels.
  logic                stores, store_valid, store_last, store_is_upper, store_taken;
  logic [32*Lanes-1:0] store_words;
  logic [Lanes-1:0]    store_lanes;
  logic [31:0]         store_stripe;
  logic [BeatW/16-1:0] store_strobe;
  memory_array #(
    .Lanes(Lanes), .Slots(Slots), .BurstBeats(BurstBeats), .BufferBeats(BufferBeats),
    .AddressW(AddressW)
  ) u_memory (
    .clk_i, .rst_ni, .core_rst_ni(core_rst_n), .base_i(bases), .program_valid_i(fetch_valid),
    .program_i(arguments.instructions), .program_beats_i(StripesW'(fetch_count)),
    .command_valid_i(command_valid), .ready_o(command_ready), .program_ready_o(fetch_ready),
    .stripe_i(command_stripe), .stripes_i(command_stripes), .valid_o(port_valid),
    .beat_o(port_beat), .takes_all_i(fetches || discards), .freed_i(freed), .stores_i(stores),
    .store_valid_i(store_valid), .store_last_i(store_last), .store_word_i(store_words),
    .store_stripe_i(store_stripe), .store_is_upper_i(store_is_upper), .store_lanes_i(store_lanes),
    .store_strobe_i(store_strobe), .store_taken_o(store_taken), .logits_i(pass.output_address),
    .rounds_i(shape.rounds[RoundW*ctrl_pkg::PlaceOutput +: RoundW]), .tile_i(tile),
    .tile_token_i(tile_token), .tile_round_i(tile_round), .row_valid_i(trace_valid_o &&
    trace_value_o.is_output), .row_last_i(trace_value_o.row == '1), .row_i(trace_floats_o),
    .tile_taken_o(tile_taken), .written_o(written), .idle_o(port_idle), .read_errors_o(read_errors),
    .write_errors_o(write_errors), .error_clear_i(error_clear), .m_ar_valid_o, .m_ar_ready_i,
    .m_ar_address_o, .m_ar_length_o, .m_r_valid_i, .m_r_ready_o, .m_r_data_i, .m_r_response_i,
    .m_r_last_i, .m_aw_valid_o, .m_aw_ready_i, .m_aw_address_o, .m_w_valid_o, .m_w_ready_i,
    .m_w_data_o, .m_w_strobe_o, .m_b_valid_i, .m_b_ready_o, .m_b_response_i
  );

  // The engine.
  logic [LineW-1:0]          line;
  logic [Clusters*LineW-1:0] attention_lines;
  logic [SumsW-1:0]          query_sums;
  logic [1:0]                attention_we;
  logic [4:0]                attention_entry;
  logic [16*Lanes-1:0]       key_multipliers;
  logic [32*Lanes-1:0]       coefficients, sums;
  logic [Parts*FactorsW-1:0] factors;
  rce_pkg::result_t          result;
  logic [Lanes*Queries*rce_pkg::DspW-1:0]    products;
  logic [Lanes*Queries*rce_pkg::ResultW-1:0] lowers;
  rce_array #(.Lanes(Lanes), .Slots(Slots), .BufferBeats(BufferBeats)) u_engine (
    .clk_i, .rst_ni(core_rst_n), .valid_i(fetches || discards ? '0 : port_valid),
    .beats_i(port_beat), .freed_o(freed), .valid_o(beat_valid), .read_i(streams),
    .pop_i(pops), .mark_i(mark), .rewind_i(rewinds), .beat_i(beat), .word_o(words),
    .we_i(operand_we), .entry_i(operand_waddr), .line_i(line), .attention_we_i(attention_we),
    .attention_entry_i(attention_entry), .attention_line_i(attention_lines),
    .query_sum_i(query_sums), .key_multiplier_i(key_multipliers), .coefficient_i(coefficients),
    .factor_i(factors), .result_o(result), .product_o(products), .lower_o(lowers),
    .last_token_i(SlotW'(pass.n_tokens - 1'b1)), .sum_valid_o(sum_valid), .sum_ready_i(sum_ready),
    .sum_token_o(sum_token), .sum_row_o(sum_row), .drained_o(drained), .sum_o(sums)
  );

  // Attention.
  logic                head_read;
  logic [AddrW-1:0]    head_raddr, head_waddr;
  logic [32*Lanes-1:0] held, head_values;
  logic [Lanes-1:0]    head_we;
  vector_pkg::value_t  head_info;
  attention_core #(
    .Lanes(Lanes), .Slots(Slots), .HeadQueries(HeadQueries), .ScoreDepth(ScoreDepth),
    .RowDepth(RowDepth), .ChunkDepth(ChunkDepth), .Words(Words)
  ) u_attention (
    .clk_i, .rst_ni(core_rst_n), .n_tokens_i(pass.n_tokens), .shape_i(shape), .cache_i(cache),
    .slots_i(slots), .windows_i(windows), .start_i(heads_start), .is_attend_i(is_attend),
    .is_value_i(is_value),
    .stored_o(stored), .attended_o(attended), .keys_i(keys), .values_i(values), .written_i(written),
    .load_i(load), .angle_beat_i(angle_beat), .old_start_i(old_start), .old_done_o(old_done),
    .old_room_o(old_room), .old_beat_i(old_beat), .attend_start_i(attend_start),
    .attend_done_o(attend_done), .attend_may_o(attend_may), .attend_pop_o(attend_pop),
    .mark_o(mark), .rewind_o(rewinds), .attend_takes_i(attend_takes), .attend_beat_o(attend_beat),
    .word_i(words), .feed_we_o(attention_we), .feed_entry_o(attention_entry),
    .line_o(attention_lines), .query_sum_o(query_sums), .key_multiplier_o(key_multipliers),
    .coefficient_o(coefficients), .factor_o(factors), .result_i(result), .product_i(products),
    .lower_i(lowers), .read_o(head_read), .raddr_o(head_raddr), .held_i(held), .we_o(head_we),
    .waddr_o(head_waddr), .info_o(head_info), .value_o(head_values), .stores_o(stores),
    .word_valid_o(store_valid), .last_o(store_last), .word_o(store_words), .stripe_o(store_stripe),
    .is_upper_o(store_is_upper), .lanes_o(store_lanes), .strobe_o(store_strobe),
    .taken_i(store_taken)
  );

  vector_array #(
    .Lanes(Lanes), .Slots(Slots), .Words(Words), .Blocks(Blocks), .LanesPerSilu(LanesPerSilu)
  ) u_vector (
    .clk_i, .rst_ni(core_rst_n), .op_i(op), .raddr_i(raddr), .waddr_i(waddr), .sum_i(sums),
    .idle_o(vector_idle), .square_ready_o(square_ready), .side_beat_i(side_beat),
    .side_is_float_i(side_is_float), .word_i(words), .side_ready_o(side_ready),
    .available_o(available), .scalar_start_i(scalar_start), .scalar_ready_o(scalar_ready),
    .scalar_is_a8_i(scalar_is_a8), .scalar_buffer_i(scalar_buffer),
    .last_token_i(SlotW'(pass.n_tokens - 1'b1)), .n_i(24'(arguments.geometry[23:0])), .eps_i(eps),
    .operand_read_i(feeds), .operand_buffer_i(operand_buffer),
    .operand_block_i(operand_block[BlockW-1:0]), .operand_half_i(operand_half),
    .operand_entry_i(operand_entry), .operand_both_i(operand_both), .operand_upper_i(operand_upper),
    .operand_o(line), .head_read_i(head_read), .head_raddr_i(head_raddr), .held_o(held),
    .head_we_i(head_we), .head_waddr_i(head_waddr), .head_info_i(head_info),
    .head_value_i(head_values), .value_lanes_o(trace_lanes_o), .value_valid_o(trace_valid_o),
    .value_info_o(trace_value_o), .value_addr_o(trace_addr_o), .value_o(trace_floats_o)
  );

  logic unused;
  assign unused = ^{operand_block, shape, shape_done, cache};
endmodule
