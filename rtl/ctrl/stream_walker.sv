// Runs ahead over the steps of a program: hands each on, and asks for its stripes in the order in
// which the lanes take them. A command is a run of stripes, the same in all channels.
//
//     load     a vector for each token
//     norm     a vector
//     linear   heads of scales and biases, each with the four tiles that it is for
module stream_walker #(
  localparam int unsigned StripesW = ctrl_pkg::StripesW
) (
  input  logic                        clk_i,
  input  logic                        rst_ni,
  input  logic                        start_i,
  input  ctrl_pkg::pass_t             pass_i,
  input  ctrl_pkg::shape_t            shape_i,
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
    StateOffer
  } state_e;
  state_e state_q;

  logic is_load, is_norm, is_linear, is_skipped, is_end, has_commands;
  assign is_load    = step_o.opcode == accllm_pkg::OpcodeLoad;
  assign is_norm    = step_o.opcode == accllm_pkg::OpcodeNorm;
  assign is_linear  = step_o.opcode == accllm_pkg::OpcodeLinear;
  assign is_end     = step_o.opcode == accllm_pkg::OpcodeEnd;
  assign is_skipped = is_linear && step_o.epilogue == accllm_pkg::EpilogueOutput
                      && pass_i.n_outputs == '0;
  assign has_commands = is_load || is_norm || is_linear;

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
          else if (step_ready_i) state_q <= has_commands ? StateNext : StateRead;
        end
        StateNext:  state_q <= StateOffer;
        default:    if (ready_i) state_q <= is_last ? StateRead : StateNext;
      endcase
    end
  end

  assign read_o       = state_q == StateRead;
  assign valid_o      = state_q == StateOffer;
  assign step_valid_o = state_q == StatePass && !is_skipped;
  always_ff @(posedge clk_i) begin
    if (start_i) raddr_o <= '0;
    else if (state_q == StateRead) raddr_o <= raddr_o + 1'b1;
    if (state_q == StateLook) step_o <= step_i;
    if (state_q == StatePass) begin
      stripe_o <= is_load ? pass_i.input_address : step_o.address;
      left_q   <= is_load ? pass_i.n_tokens - 1'b1 : '0;
      rounds_q <= rounds;
      unit_q   <= is_linear ? tile : vector;
    end
    if (state_q == StateNext) begin
      stripes_o <= !is_linear ? unit_q : tiles + (step_o.has_bias ? StripesW'(3) : StripesW'(1));
    end
    if (state_q == StateOffer && ready_i) begin
      stripe_o <= stripe_o + 32'(stripes_o);
      left_q   <= left_q - 1'b1;
      rounds_q <= rounds_q - RoundW'(4);
    end
  end

  logic unused;
  assign unused = ^{shape_i, pass_i};
endmodule
