// Takes the beats of all lanes in step, and says what they do with them: scales and floats for the
// vector unit, weights for the engine. Hands each step on to the vector unit's walker as it begins.
//
//     load         angles of heads, if there are any; floats
//     norm         floats
//     linear       a head for four tiles: scales, biases; of a tile and block: multipliers of dense
//                  weights, then 8 rows, each in one to four beats, each of these in cycles for
//                  its two halves (dense2, dense8) and for halves of the tokens (dense)
//     store-kv     of values: old beats
//     attend       what attend_walker says
module beat_walker #(
  parameter int unsigned Slots = 4,
  localparam int unsigned BlocksW = ctrl_pkg::BlocksW,
  localparam int unsigned RoundW  = ctrl_pkg::RoundW,
  localparam int unsigned TokensW = ctrl_pkg::TokensW
) (
  input  logic               clk_i,
  input  logic               rst_ni,
  input  ctrl_pkg::pass_t    pass_i,
  input  ctrl_pkg::shape_t   shape_i,
  input  ctrl_pkg::cache_t   cache_i,
  // Steps, and the vector unit's jobs.
  input  logic               step_valid_i,
  output logic               step_ready_o,
  input  ctrl_pkg::step_t    step_i,
  output logic               job_valid_o,
  input  logic               job_ready_i,
  input  logic [1:0]         coded_i,        // operands may come from this activation buffer
  // The stream of all lanes.
  input  logic               valid_i,
  output logic               read_o,
  output logic               pop_o,
  // To lanes and vector unit, with read_o.
  output rce_pkg::beat_t     beat_o,
  output logic               side_beat_o,
  output logic               side_is_float_o,
  input  logic [1:0]         side_ready_i,
  input  logic               drained_i,      // a tile's sums are taken
  // Operands.
  output logic               feed_start_o,
  input  logic               feed_ready_i,
  output logic               feed_buffer_o,
  output logic [BlocksW-1:0] feed_last_block_o,
  output logic [RoundW-1:0]  feed_last_round_o,
  output logic               feed_both_o,
  output logic               feed_halves_o,
  input  logic               filled_i,
  output logic [1:0]         freed_o,
  // Attention.
  output logic               load_o,         // a load begins
  output logic               angle_beat_o,
  output logic               old_start_o,
  input  logic               old_done_i,     // all old beats are taken
  input  logic               old_room_i,
  output logic               old_beat_o,
  output logic               attend_start_o,
  input  logic               attend_done_i,
  input  logic               attend_may_i,
  input  logic               attend_pop_i,
  output logic               attend_takes_o,
  input  rce_pkg::beat_t     attend_beat_i,
  // What it does.
  output logic [ctrl_pkg::IndexW-1:0] index_o,
  output logic               waits_memory_o,
  output logic               waits_room_o
);
  localparam int unsigned PlaceW = 3;  // of operands in a lane

  typedef enum logic [2:0] {
    StateNext,
    StateAngles,
    StateFloats,
    StateHead,
    StateTile,
    StateOld,
    StateAttend
  } state_e;
  state_e          state_q;
  ctrl_pkg::step_t step_q;
  assign index_o = step_q.index;

  // A step begins.
  logic takes, is_load, is_norm, is_linear, is_store, is_attend, makes_codes;
  assign job_valid_o  = state_q == StateNext && step_valid_i;
  assign step_ready_o = state_q == StateNext && job_ready_i;
  assign takes        = step_valid_i && step_ready_o;
  assign is_load      = step_i.opcode == accllm_pkg::OpcodeLoad;
  assign is_norm      = step_i.opcode == accllm_pkg::OpcodeNorm;
  assign is_linear    = step_i.opcode == accllm_pkg::OpcodeLinear;
  assign is_store     = step_i.opcode == accllm_pkg::OpcodeStoreKv
                        && step_i.place == accllm_pkg::VectorValue;
  assign is_attend    = step_i.opcode == accllm_pkg::OpcodeAttend;
  assign makes_codes  = is_norm || step_i.opcode == accllm_pkg::OpcodeQuantize;
  logic [RoundW-1:0] rounds;
  assign rounds = ctrl_pkg::rounds_at(shape_i.rounds, step_i.place);

  // Buffers that jobs will fill.
  logic [1:0] is_pending;
  for (genvar b = 0; b < 2; b++) begin : gen_buffer
    logic [3:0] jobs_q;
    always_ff @(posedge clk_i) begin
      if (!rst_ni) jobs_q <= '0;
      else jobs_q <= jobs_q + 4'(takes && makes_codes && step_i.buffer == 1'(b)) - 4'(coded_i[b]);
    end
    assign is_pending[b] = jobs_q != '0;
  end

  // How weights come.
  logic       is_sparse, two_halves, by_halves;
  logic [1:0] last_beat;
  assign is_sparse  = step_q.format == accllm_pkg::WeightFormatSparse24;
  assign two_halves = step_q.format == accllm_pkg::WeightFormatDense2
                      || step_q.format == accllm_pkg::WeightFormatDense8;
  assign by_halves  = !is_sparse && pass_i.n_tokens > TokensW'(Slots / 2);
  always_comb begin
    unique case (step_q.format)
      accllm_pkg::WeightFormatDense4: last_beat = 2'd1;
      accllm_pkg::WeightFormatDense8: last_beat = 2'd3;
      default:                        last_beat = 2'd0;
    endcase
  end

  // Where it is.
  logic [RoundW-1:0]  rounds_q;   // that are left, less one
  logic [TokensW-1:0] vectors_q;  // of a load, less one
  logic [RoundW-1:0]  floats_q;   // beats of a vector that are left, less one
  logic [TokensW+3:0] angles_q;   // beats of angles that are left, less one
  logic [1:0]         head_q, tile_q, beat_q;
  logic [BlocksW-1:0] block_q;
  logic [2:0]         row_q;
  logic               at_multipliers_q, half_q, upper_q, feed_due_q;
  logic [RoundW-1:0]  last_float;
  assign last_float = RoundW'((rounds - 1'b1) >> 1);

  // Places of operands, and sets of sums.
  logic [3:0]        filled_q;
  logic [PlaceW-1:0] place_q;
  logic [1:0]        sets_q;

  // What this cycle's beat would be, and whether it may be.
  logic is_floats, is_head, is_scales, is_multipliers, is_data, is_first, may;
  logic has_operands, has_set;
  assign is_floats      = state_q == StateFloats;
  assign is_head        = state_q == StateHead;
  assign is_scales      = is_head && head_q == '0;
  assign is_multipliers = state_q == StateTile && at_multipliers_q;
  assign is_data        = state_q == StateTile && !at_multipliers_q;
  assign is_first       = block_q == '0 && row_q == '0 && beat_q == '0 && !half_q && !upper_q;
  assign has_operands   = by_halves ? filled_q >= 4'd2 : filled_q != '0;
  assign has_set        = !is_first || !sets_q[1];
  always_comb begin
    if (state_q == StateAttend) may = attend_may_i;
    else if (state_q == StateOld) may = old_room_i;
    else if (state_q == StateAngles) may = 1'b1;
    else if (is_scales) may = side_ready_i[0];
    else if (is_floats || is_head) may = side_ready_i[1];
    else may = is_multipliers || (is_data && has_operands && has_set);
  end
  assign read_o         = valid_i && may;
  assign waits_memory_o = may && !valid_i;
  assign waits_room_o   = valid_i && !may && state_q != StateNext;

  logic ends_cycles, ends_row, ends_block, ends_tile;
  assign ends_cycles = half_q == two_halves && upper_q == by_halves;
  assign ends_row    = ends_cycles && beat_q == last_beat;
  assign ends_block  = ends_row && row_q == '1;
  assign ends_tile   = ends_block && block_q == step_q.blocks - 1'b1;
  assign pop_o       = read_o && (state_q == StateAttend ? attend_pop_i : !is_data || ends_cycles);

  assign load_o         = takes && is_load;
  assign angle_beat_o   = read_o && state_q == StateAngles;
  assign old_start_o    = takes && is_store;
  assign old_beat_o     = read_o && state_q == StateOld;
  assign attend_start_o = takes && is_attend;
  assign attend_takes_o = read_o && state_q == StateAttend;

  assign side_beat_o     = read_o && (is_floats || is_head);
  assign side_is_float_o = !is_scales;
  logic [PlaceW-1:0] place;
  logic              takes_data;
  assign place      = place_q + PlaceW'(upper_q);
  assign takes_data = read_o && is_data;
  always_comb begin
    beat_o.kind = rce_pkg::KindNone;
    if (takes_data) beat_o.kind = rce_pkg::KindData;
    else if (read_o && is_multipliers) beat_o.kind = rce_pkg::KindMultipliers;
    unique case (step_q.format)
      accllm_pkg::WeightFormatSparse24: beat_o.mode = rce_pkg::ModeSparse24;
      accllm_pkg::WeightFormatDense2:   beat_o.mode = rce_pkg::ModeDense2;
      accllm_pkg::WeightFormatDense4:   beat_o.mode = rce_pkg::ModeDense4;
      default:                          beat_o.mode = rce_pkg::ModeDense8;
    endcase
    beat_o.half  = half_q;
    beat_o.beat  = beat_q;
    beat_o.row   = row_q;
    beat_o.entry = {place, 2'b00};
    beat_o.start = block_q == '0 && beat_q == '0 && !half_q;
    beat_o.last  = ends_tile;
    beat_o.split = 1'b0;
    beat_o.upper = upper_q;
    if (state_q == StateAttend) beat_o = attend_beat_i;
  end

  // Operands: as soon as they are there.
  assign feed_start_o      = feed_due_q && feed_ready_i && !is_pending[step_q.buffer];
  assign feed_buffer_o     = step_q.buffer;
  assign feed_last_block_o = step_q.blocks - 1'b1;
  assign feed_last_round_o = rounds_q;
  assign feed_both_o       = !is_sparse;
  assign feed_halves_o     = by_halves;
  always_comb begin
    freed_o = 2'd0;
    if (takes_data && ends_block) freed_o = by_halves ? 2'd2 : 2'd1;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q    <= StateNext;
      feed_due_q <= 1'b0;
      filled_q   <= '0;
      place_q    <= '0;
      sets_q     <= '0;
    end else begin
      filled_q <= filled_q + 4'(filled_i) - 4'(freed_o);
      place_q  <= place_q + PlaceW'(freed_o);
      sets_q   <= sets_q + 2'(takes_data && is_first) - 2'(drained_i);
      if (takes && is_linear) feed_due_q <= 1'b1;
      else if (feed_start_o) feed_due_q <= 1'b0;
      unique case (state_q)
        StateNext: begin
          if (takes && is_linear) state_q <= StateHead;
          else if (takes && is_load && cache_i.fits) state_q <= StateAngles;
          else if (takes && (is_load || is_norm)) state_q <= StateFloats;
          else if (takes && is_store) state_q <= StateOld;
          else if (takes && is_attend) state_q <= StateAttend;
        end
        StateAngles: if (read_o && angles_q == '0) state_q <= StateFloats;
        StateOld:    if (old_done_i) state_q <= StateNext;
        StateAttend: if (attend_done_i) state_q <= StateNext;
        StateFloats: if (read_o && floats_q == '0 && vectors_q == '0) state_q <= StateNext;
        StateHead: begin
          if (read_o && head_q == (step_q.has_bias ? 2'd2 : 2'd0)) state_q <= StateTile;
        end
        default: begin
          if (takes_data && ends_tile && rounds_q == '0) state_q <= StateNext;
          else if (takes_data && ends_tile && tile_q == '1) state_q <= StateHead;
        end
      endcase
    end
  end

  logic [RoundW-1:0] last_float_q;
  always_ff @(posedge clk_i) begin
    if (takes) begin
      step_q           <= step_i;
      rounds_q         <= rounds - 1'b1;
      vectors_q        <= is_load ? pass_i.n_tokens - 1'b1 : '0;
      angles_q         <= ({4'd0, pass_i.n_tokens} << (cache_i.split ? 3 : 4)) - 1'b1;
      floats_q         <= last_float;
      last_float_q     <= last_float;
      head_q           <= '0;
      tile_q           <= '0;
      block_q          <= '0;
      row_q            <= '0;
      beat_q           <= '0;
      half_q           <= 1'b0;
      upper_q          <= 1'b0;
      at_multipliers_q <= step_i.format != accllm_pkg::WeightFormatSparse24;
    end else if (read_o) begin
      if (angle_beat_o) angles_q <= angles_q - 1'b1;
      if (is_floats) begin
        floats_q <= floats_q == '0 ? last_float_q : floats_q - 1'b1;
        if (floats_q == '0) vectors_q <= vectors_q - 1'b1;
      end
      if (is_head) head_q <= head_q + 1'b1;
      if (is_multipliers) at_multipliers_q <= 1'b0;
      if (is_data) begin
        // Cycles of a beat: halves of the tokens, of each half of its digits.
        upper_q <= by_halves && !upper_q;
        if (upper_q == by_halves) half_q <= two_halves && !half_q;
        if (ends_cycles) beat_q <= ends_row ? '0 : beat_q + 1'b1;
        if (ends_row) row_q <= row_q + 1'b1;
        if (ends_block) begin
          block_q          <= ends_tile ? '0 : block_q + 1'b1;
          at_multipliers_q <= !is_sparse;
        end
        if (ends_tile) begin
          rounds_q <= rounds_q - 1'b1;
          tile_q   <= tile_q + 1'b1;
          head_q   <= '0;
        end
      end
    end
  end

  logic unused;
  assign unused = ^{pass_i, shape_i, cache_i, step_q};
endmodule
