// Runs ahead over the steps of a program: hands each on, and asks for its stripes in the order in
// which the lanes take them. A command is a run of stripes, the same in all channels.
//
//     load     angles of heads, if there are any; a vector for each token
//     norm     a vector
//     linear   heads of scales and biases, each with the four tiles that it is for
//     store-kv, attend   what cache_stream says; attend when all is stored
module stream_walker #(
  parameter int unsigned Slots = 4,
  localparam int unsigned StripesW = ctrl_pkg::StripesW
) (
  input  logic                        clk_i,
  input  logic                        rst_ni,
  input  logic                        start_i,
  input  ctrl_pkg::pass_t             pass_i,
  input  ctrl_pkg::shape_t            shape_i,
  input  ctrl_pkg::cache_t            cache_i,
  input  logic [kv_pkg::SlotW*Slots-1:0] slots_i,  // [token]
  input  logic                        stored_i,    // a store-kv is complete
  // Steps, a cycle after they are read.
  output logic                        read_o,
  output logic [ctrl_pkg::IndexW-1:0] raddr_o,
  input  ctrl_pkg::step_t             step_i,
  // Commands.
  output logic                        valid_o,
  input  logic                        ready_i,
  output logic [31:0]                 stripe_o,
  output logic [StripesW-1:0]         stripes_o,
  // Steps, before their stripes are asked for.
  output logic                        step_valid_o,
  input  logic                        step_ready_i,
  output ctrl_pkg::step_t             step_o
);
  localparam int unsigned RoundW = ctrl_pkg::RoundW;
  localparam int unsigned TokensW = ctrl_pkg::TokensW;
  if (accllm_pkg::ScaleTiles != 4 || vector_pkg::BeatTiles != 2) begin : gen_check_tiles
    $error("a head is for four tiles, and a beat holds the floats of two");
  end

  typedef enum logic [2:0] {
    StateIdle,
    StateRead,
    StateLook,   // the step is there
    StatePass,   // the step goes on
    StateNext,   // the next command
    StateOffer,
    StateWait,   // for what was stored
    StateCache
  } state_e;
  state_e state_q;

  logic is_load, is_norm, is_linear, is_skipped, is_end, has_commands, is_store, is_attend;
  logic has_old, begins_store;  // old beats; of which only values have any
  assign is_load    = step_o.opcode == accllm_pkg::OpcodeLoad;
  assign is_norm    = step_o.opcode == accllm_pkg::OpcodeNorm;
  assign is_linear  = step_o.opcode == accllm_pkg::OpcodeLinear;
  assign is_end     = step_o.opcode == accllm_pkg::OpcodeEnd;
  assign is_skipped = is_linear && step_o.epilogue == accllm_pkg::EpilogueOutput
                      && pass_i.n_outputs == '0;
  assign is_store     = step_o.opcode == accllm_pkg::OpcodeStoreKv;
  assign is_attend    = step_o.opcode == accllm_pkg::OpcodeAttend;
  assign has_commands = is_load || is_norm || is_linear;
  assign has_old      = is_store && step_o.place == accllm_pkg::VectorValue;
  assign begins_store = is_store && step_valid_o && step_ready_i;

  // Rounds of a linear layer that are left; stripes of a vector or a tile.
  logic [RoundW-1:0]   rounds_q, rounds;
  logic [TokensW-1:0]  left_q;     // vectors, less one
  logic [StripesW-1:0] unit_q, tile, tiles, blocks, vector;
  logic [2:0]          n_tiles;    // of the next command
  logic                is_last;
  assign rounds  = ctrl_pkg::rounds_at(shape_i.rounds, step_o.place);
  assign vector  = StripesW'(rounds[RoundW-1:1]) + StripesW'(rounds[0]);
  assign blocks  = StripesW'(step_o.blocks);
  assign n_tiles = rounds_q > RoundW'(4) ? 3'd4 : rounds_q[2:0];
  always_comb begin
    unique case (step_o.format)
      accllm_pkg::WeightFormatSparse24: tile = blocks << 3;
      accllm_pkg::WeightFormatDense2:   tile = (blocks << 3) + blocks;
      accllm_pkg::WeightFormatDense4:   tile = (blocks << 4) + blocks;
      default:                          tile = (blocks << 5) + blocks;
    endcase
    unique case (n_tiles)
      3'd1:    tiles = unit_q;
      3'd2:    tiles = unit_q << 1;
      3'd3:    tiles = (unit_q << 1) + unit_q;
      default: tiles = unit_q << 2;
    endcase
  end
  assign is_last = is_linear ? rounds_q <= RoundW'(4) : left_q == '0;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q <= StateIdle;
    end else begin
      unique case (state_q)
        StateIdle:  if (start_i) state_q <= StateRead;
        StateRead:  state_q <= StateLook;
        StateLook:  state_q <= StatePass;
        StatePass: begin
          if (is_skipped) state_q <= StateRead;
          else if (step_ready_i && is_end) state_q <= StateIdle;
          else if (step_ready_i && (has_old || is_attend)) state_q <= StateWait;
          else if (step_ready_i) state_q <= has_commands ? StateNext : StateRead;
        end
        StateNext:  state_q <= StateOffer;
        StateOffer: if (ready_i) state_q <= is_last && !at_angles_q ? StateRead : StateNext;
        StateWait:  if (cache_start) state_q <= StateCache;
        default:    if (cache_done) state_q <= StateRead;
      endcase
    end
  end

  // Stores are complete in order, and attend is for the last one before it.
  logic [4:0]          stores_q;  // that are not complete
  logic                at_angles_q, cache_start, cache_valid, cache_done;
  logic [31:0]         cache_stripe, stripe_q;
  logic [StripesW-1:0] cache_stripes, stripes_q;
  assign cache_start = state_q == StateWait && (is_store || stores_q == '0);
  always_ff @(posedge clk_i) begin
    if (!rst_ni) stores_q <= '0;
    else stores_q <= stores_q + 5'(begins_store) - 5'(stored_i);
  end
  cache_stream #(.Slots(Slots)) u_cache (
    .clk_i, .rst_ni, .start_i(cache_start), .is_attend_i(is_attend), .keys_i(step_o.address),
    .values_i(step_o.parameter_), .n_tokens_i(pass_i.n_tokens), .cache_i, .slots_i,
    .valid_o(cache_valid), .ready_i, .stripe_o(cache_stripe), .stripes_o(cache_stripes),
    .done_o(cache_done)
  );

  assign read_o       = state_q == StateRead;
  assign valid_o      = state_q == StateOffer || cache_valid;
  assign stripe_o     = cache_valid ? cache_stripe : stripe_q;
  assign stripes_o    = cache_valid ? cache_stripes : stripes_q;
  assign step_valid_o = state_q == StatePass && !is_skipped;
  always_ff @(posedge clk_i) begin
    if (start_i) raddr_o <= '0;
    else if (state_q == StateRead) raddr_o <= raddr_o + 1'b1;
    if (state_q == StateLook) step_o <= step_i;
    if (state_q == StatePass) begin
      at_angles_q <= is_load && cache_i.fits;
      if (is_load) stripe_q <= cache_i.fits ? pass_i.rope_address : pass_i.input_address;
      else stripe_q <= step_o.address;
      left_q   <= is_load ? pass_i.n_tokens - 1'b1 : '0;
      rounds_q <= rounds;
      unit_q   <= is_linear ? tile : vector;
    end
    if (state_q == StateNext) begin
      if (at_angles_q) stripes_q <= StripesW'(pass_i.n_tokens) << (cache_i.split ? 3 : 4);
      else if (!is_linear) stripes_q <= unit_q;
      else stripes_q <= tiles + (step_o.has_bias ? StripesW'(3) : StripesW'(1));
    end
    if (state_q == StateOffer && ready_i) begin
      at_angles_q <= 1'b0;
      if (at_angles_q) begin
        stripe_q <= pass_i.input_address;
      end else begin
        stripe_q <= stripe_q + 32'(stripes_q);
        left_q   <= left_q - 1'b1;
        rounds_q <= rounds_q - RoundW'(4);
      end
    end
  end

  logic unused;
  assign unused = ^{shape_i, pass_i, cache_i};
endmodule
