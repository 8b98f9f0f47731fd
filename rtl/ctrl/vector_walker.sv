// Runs the vector unit's part of each step, in order: loads, norms and quantises, and takes the
// sums of linear layers. An operation comes when what it needs is there. Store-kv and attend are
// head_walker's; while it stores, results may go to vectors that it does not read.
//
// A step's part is one phase, that of a norm two; a phase begins when the vector unit is idle, with
// scalars if it needs them. Logits go out tile by tile: a tile of a token starts when the one
// before has been taken.
module vector_walker #(
  parameter int unsigned Lanes        = 4,     // a power of two
  parameter int unsigned Slots        = 4,     // a power of two
  parameter int unsigned Words        = 4096,  // of a bank
  parameter int unsigned LanesPerSilu = 2,
  localparam int unsigned AddrW   = $clog2(Words),
  localparam int unsigned SlotW   = $clog2(Slots),
  localparam int unsigned UnitW   = ctrl_pkg::UnitW,
  localparam int unsigned RoundW  = ctrl_pkg::RoundW,
  localparam int unsigned BlocksW = ctrl_pkg::BlocksW,
  localparam int unsigned TokensW = ctrl_pkg::TokensW
) (
  input  logic               clk_i,
  input  logic               rst_ni,
  input  ctrl_pkg::pass_t    pass_i,
  input  ctrl_pkg::shape_t   shape_i,
  input  logic               job_valid_i,
  output logic               job_ready_o,
  input  ctrl_pkg::step_t    job_i,
  // The vector unit.
  output vector_pkg::op_t    op_o,
  output logic [AddrW-1:0]   raddr_o,
  output logic [AddrW-1:0]   waddr_o,
  input  logic               idle_i,
  input  logic [Slots-1:0]   square_ready_i,
  input  logic [1:0]         available_i,
  output logic               scalar_start_o,
  input  logic               scalar_ready_i,
  output logic               scalar_is_a8_o,
  output logic               buffer_o,
  output logic [31:0]        eps_o,
  output logic [1:0]         coded_o,        // operands may come from this activation buffer
  // Sums.
  input  logic               sum_valid_i,
  output logic               sum_ready_o,
  input  logic [SlotW-1:0]   sum_token_i,
  input  logic [2:0]         sum_row_i,
  input  logic               drained_i,
  // Logits: the last row of a tile is issued.
  output logic               tile_o,
  output logic [SlotW-1:0]   tile_token_o,
  output logic [RoundW-1:0]  tile_round_o,
  input  logic               tile_taken_i,
  // Store-kv and attend.
  output logic               heads_start_o,
  output logic               is_attend_o,
  output logic               is_value_o,     // a store-kv is of values
  output logic [31:0]        keys_o,         // first stripes of the layer of a store-kv
  output logic [31:0]        values_o,
  input  logic               stored_i,       // the oldest store-kv is complete
  input  logic               attended_i,
  // What it does.
  output logic               done_o,         // the program's end
  output logic [ctrl_pkg::IndexW-1:0] index_o
);
  localparam int unsigned SiluW = $clog2(LanesPerSilu + 1);
  localparam int unsigned WaitW = 4;
  // Until the last operation has used its tile up.
  localparam logic [WaitW-1:0] Settling = WaitW'(vector_pkg::BiasStage);
  localparam int unsigned CodeShift = $clog2(Lanes);

  typedef enum logic [3:0] {
    StateJob,
    StateSetup,
    StateScalars,
    StateWait,
    StateRun,
    StateDrop,    // tiles that nothing needs
    StateHeads,
    StateSettle,
    StateDone
  } state_e;
  typedef enum logic [2:0] {
    PhaseLoad,
    PhaseNorm,
    PhaseCodes,
    PhaseResults,
    PhaseHeads,
    PhaseEnd
  } phase_e;
  state_e          state_q;
  phase_e          phase_q, first_phase;
  ctrl_pkg::step_t job_q;
  logic            takes, is_load, is_norm, is_codes, is_results;
  logic may_begin;
  assign job_ready_o = state_q == StateJob && may_begin;
  store_order u_stores (
    .clk_i, .rst_ni, .job_i, .may_o(may_begin), .start_i(heads_start_o && !is_attend_o),
    .store_i(job_q), .keys_o, .values_o, .stored_i
  );
  assign takes       = job_valid_i && job_ready_o;
  assign is_load     = phase_q == PhaseLoad;
  assign is_norm     = phase_q == PhaseNorm;
  assign is_codes    = phase_q == PhaseCodes;
  assign is_results  = phase_q == PhaseResults;
  always_comb begin
    unique case (job_i.opcode)
      accllm_pkg::OpcodeLoad:     first_phase = PhaseLoad;
      accllm_pkg::OpcodeNorm:     first_phase = PhaseNorm;
      accllm_pkg::OpcodeQuantize: first_phase = PhaseCodes;
      accllm_pkg::OpcodeLinear:   first_phase = PhaseResults;
      accllm_pkg::OpcodeStoreKv, accllm_pkg::OpcodeAttend: first_phase = PhaseHeads;
      default:                    first_phase = PhaseEnd;
    endcase
  end

  // What a phase is: places, rounds.
  logic                        is_output_q, is_silu_q, has_squares_q;
  logic [UnitW-1:0]            from, from_q, to_q;
  logic [BlocksW-1:0]          blocks;
  logic [RoundW-1:0]           rounds, code_rounds, rounds_q, last_round_q;
  logic [ctrl_pkg::PlaceW-1:0] source;
  assign source = is_codes && job_q.opcode == accllm_pkg::OpcodeNorm ? ctrl_pkg::PlaceScratch
                                                                     : job_q.place;
  assign from        = ctrl_pkg::base_at(shape_i.bases, source);
  assign rounds      = ctrl_pkg::rounds_at(shape_i.rounds, job_q.place);
  assign blocks      = ctrl_pkg::blocks_at(shape_i.blocks, job_q.place);
  assign code_rounds = RoundW'({blocks, 5'd0}) >> CodeShift;
  always_ff @(posedge clk_i) begin
    if (state_q == StateSetup) begin
      from_q        <= from;
      to_q          <= is_norm ? shape_i.bases[UnitW*ctrl_pkg::PlaceScratch +: UnitW] : from;
      rounds_q      <= rounds;
      last_round_q  <= (is_codes && code_rounds > rounds ? code_rounds : rounds) - 1'b1;
      is_output_q   <= is_results && job_q.epilogue == accllm_pkg::EpilogueOutput;
      is_silu_q     <= is_results && job_q.epilogue == accllm_pkg::EpilogueSiluMul;
      has_squares_q <= is_load || (is_results && job_q.place == accllm_pkg::VectorStream);
    end
  end

  // Where it is. Norms go from token to token first, results as they come.
  logic [RoundW-1:0]  round_q;
  logic [TokensW-1:0] token_q, token, last_token;
  logic [2:0]         row_q, row;
  logic [1:0]         drops_q;
  logic               is_last_row, is_last_token, is_last_round, ends_round;
  logic               ends_run, ends_all;  // a token's, where tokens follow each other
  assign last_token    = pass_i.n_tokens - 1'b1;
  assign token         = is_results ? TokensW'(sum_token_i) : token_q;
  assign row           = is_results ? sum_row_i : row_q;
  assign is_last_row   = row == '1;
  assign is_last_token = token == last_token;
  assign is_last_round = round_q == last_round_q;
  assign ends_round    = is_results ? drained_i : is_last_row && (is_last_token || !is_norm);
  assign ends_run      = ends_round && is_last_round;
  assign ends_all      = ends_run && (is_last_token || is_results);

  // Whether what an operation needs is there.
  logic             needs_scales, needs_floats, is_put_out, may, issues, drops, out_busy_q;
  logic [SiluW-1:0] silu_wait_q;
  assign needs_scales = is_results;
  assign needs_floats = is_load || is_norm || (is_results && job_q.has_bias);
  assign is_put_out   = is_output_q && token >= pass_i.n_tokens - pass_i.n_outputs;
  assign may = (available_i[0] || !needs_scales) && (available_i[1] || !needs_floats);
  assign issues = state_q == StateRun && may && (sum_valid_i || !is_results)
                  && (square_ready_i[token[SlotW-1:0]] || !has_squares_q)
                  && (silu_wait_q == '0 || !is_silu_q) && !(out_busy_q && is_put_out);
  assign drops        = state_q == StateDrop && may;
  assign sum_ready_o  = issues && is_results;
  assign tile_o       = issues && is_put_out && is_last_row;
  assign tile_token_o = token[SlotW-1:0];
  assign tile_round_o = round_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      silu_wait_q <= '0;
      out_busy_q  <= 1'b0;
    end else begin
      if (issues && is_silu_q) silu_wait_q <= SiluW'(LanesPerSilu - 1);
      else if (silu_wait_q != '0) silu_wait_q <= silu_wait_q - 1'b1;
      out_busy_q <= tile_o || (out_busy_q && !tile_taken_i);
    end
  end

  // Steps through states.
  logic [WaitW-1:0] wait_q;
  logic             is_settled;

  // Blocks of codes come no faster than operands take them, those of the last token in order: so
  // operands may follow as soon as the last block will be there when they come to it.
  localparam logic [RoundW-1:0] RoundsAhead = RoundW'(4);  // CodeStage, and the last block's own
  logic [RoundW-1:0] followed_q;  // the round with which they may; none if there are few blocks
  logic codes_told_q, tells_codes, follows;
  always_ff @(posedge clk_i) followed_q <= last_round_q + RoundsAhead - RoundW'(blocks);
  assign follows     = issues && is_last_token && row_q == '0
                       && round_q == followed_q;
  assign tells_codes = is_codes && (is_settled || follows) && !codes_told_q;
  assign coded_o     = {tells_codes && buffer_o, tells_codes && !buffer_o};
  always_ff @(posedge clk_i) begin
    codes_told_q <= state_q != StateSetup && (codes_told_q || tells_codes);
  end

  assign is_settled     = state_q == StateSettle && wait_q == '0 && idle_i && !out_busy_q;
  assign scalar_start_o = state_q == StateScalars;
  assign heads_start_o  = state_q == StateSetup && phase_q == PhaseHeads;
  assign is_attend_o    = job_q.opcode == accllm_pkg::OpcodeAttend;
  assign is_value_o     = job_q.place == accllm_pkg::VectorValue;
  assign scalar_is_a8_o = is_codes;
  assign done_o         = state_q == StateDone;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q <= StateJob;
    end else begin
      unique case (state_q)
        StateJob:     if (takes) state_q <= StateSetup;
        StateSetup: begin
          if (phase_q == PhaseEnd) state_q <= StateDone;
          else if (phase_q == PhaseHeads) state_q <= is_attend_o ? StateHeads : StateJob;
          else state_q <= is_norm || is_codes ? StateScalars : StateRun;
        end
        StateScalars: state_q <= StateWait;
        StateWait:    if (scalar_ready_i) state_q <= StateRun;
        StateRun: begin
          if (issues && ends_run && drops_q != '0) state_q <= StateDrop;
          else if (issues && ends_all) state_q <= StateSettle;
        end
        StateDrop: begin
          if (drops && drops_q == 2'd1) begin
            state_q <= is_load && token_q != '0 ? StateRun : StateSettle;
          end
        end
        StateHeads:   if (attended_i) state_q <= StateSettle;
        StateSettle:  if (is_settled) state_q <= is_norm ? StateSetup : StateJob;
        default:      state_q <= StateDone;
      endcase
    end
  end

  logic [1:0] n_drops;
  assign n_drops = is_results ? ~last_round_q[1:0] : {1'b0, needs_floats && !last_round_q[0]};
  always_ff @(posedge clk_i) begin
    if (takes) begin
      job_q   <= job_i;
      phase_q <= first_phase;
    end else if (is_settled && is_norm) begin
      phase_q <= PhaseCodes;
    end
    if (state_q == StateSetup) begin
      round_q <= '0;
      token_q <= '0;
      row_q   <= '0;
    end else if (issues) begin
      if (!is_norm || is_last_token) row_q <= row_q + 1'b1;
      if (is_norm) token_q <= is_last_token ? '0 : token_q + 1'b1;
      else if (ends_run) token_q <= is_last_token ? '0 : token_q + 1'b1;
      if (ends_round) round_q <= is_last_round ? '0 : round_q + 1'b1;
    end
    if (state_q != StateSettle) wait_q <= Settling;
    else if (wait_q != '0) wait_q <= wait_q - 1'b1;
    if (drops) drops_q <= drops_q - 1'b1;
    else if (state_q != StateDrop) drops_q <= n_drops;
  end

  // The operation.
  always_comb begin
    op_o.valid = issues && (is_put_out || !is_output_q);
    unique case (phase_q)
      PhaseLoad:  op_o.kind = vector_pkg::KindLoad;
      PhaseNorm:  op_o.kind = vector_pkg::KindNorm;
      PhaseCodes: op_o.kind = vector_pkg::KindQuantize;
      default:    op_o.kind = vector_pkg::KindResult;
    endcase
    op_o.epilogue   = job_q.epilogue;
    op_o.has_bias   = job_q.has_bias;
    op_o.row        = row;
    op_o.token      = vector_pkg::TokenW'(token);
    op_o.buffer     = job_q.buffer;
    op_o.pop_scales = needs_scales && ((issues && ends_round) || drops);
    op_o.pop_floats = needs_floats && ((issues && ends_round) || drops);
    op_o.squares    = has_squares_q;
    op_o.last       = is_last_row && is_last_round;
    op_o.largest    = is_norm || is_silu_q;
    op_o.zero       = round_q >= rounds_q;
  end

  // A word is that of a row of a token in a unit; codes go to a round.
  logic [UnitW+SlotW+2:0] raddr, waddr;
  assign raddr    = {from_q + UnitW'(round_q), token[SlotW-1:0], row};
  assign waddr    = {to_q + UnitW'(round_q), token[SlotW-1:0], row};
  assign raddr_o  = raddr[AddrW-1:0];
  assign waddr_o  = is_codes ? AddrW'(round_q) : waddr[AddrW-1:0];
  assign index_o  = job_q.index;
  assign buffer_o = job_q.buffer;
  assign eps_o    = job_q.parameter_;

  logic unused;
  assign unused = ^{raddr, waddr, shape_i, pass_i, job_q};
endmodule
