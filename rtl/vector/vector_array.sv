// The vector unit: lanes of floats, SiLU for some of them together, sums of squares and largest
// magnitudes of each token, their scalars, and the codes of activations.
//
// All lanes take the same operation in the same cycle; none of them waits. What an operation needs
// is there when it comes: tiles of scales and floats (available_o), room for its squares
// (square_ready_o), LanesPerSilu cycles since the last SiLU, and an idle unit if its kind, or
// whether it is SiLU's, is not that of the operation before.
module vector_array #(
  parameter int unsigned Lanes = 4,         // a power of two, at least 2
  parameter int unsigned Slots = 4,         // a power of two, at least 2
  parameter int unsigned Words = 4096,      // of a lane's bank
  parameter int unsigned Blocks = 64,       // of an activation buffer
  parameter int unsigned LanesPerSilu = 2,  // a divisor of Lanes
  localparam int unsigned AddrW  = $clog2(Words),
  localparam int unsigned SlotW  = $clog2(Slots),
  localparam int unsigned BlockW = $clog2(Blocks),
  localparam int unsigned LineW  = 4 * 8 * Slots * 8
) (
  input  logic                   clk_i,
  input  logic                   rst_ni,
  // Operations, with the lanes' sums.
  input  vector_pkg::op_t        op_i,
  input  logic [AddrW-1:0]       raddr_i,
  input  logic [AddrW-1:0]       waddr_i,
  input  logic [32*Lanes-1:0]    sum_i,         // [lane]
  output logic                   idle_o,
  output logic [Slots-1:0]       square_ready_o,
  // Beats of scales and of floats; word j of a beat comes j + 1 cycles later.
  input  logic                   side_beat_i,
  input  logic                   side_is_float_i,
  input  logic [512*Lanes-1:0]   word_i,        // [lane][segment]
  output logic [1:0]             side_ready_o,  // for a beat of scales, of floats
  output logic [1:0]             available_o,   // a tile of them
  // Scalars of all tokens: from sums of squares, or from largest magnitudes.
  input  logic                   scalar_start_i,
  output logic                   scalar_ready_o,
  input  logic                   scalar_is_a8_i,
  input  logic                   scalar_buffer_i,
  input  logic [SlotW-1:0]       last_token_i,
  input  logic [23:0]            n_i,
  input  logic [31:0]            eps_i,
  // Operands of the engine.
  input  logic                   operand_read_i,
  input  logic                   operand_buffer_i,
  input  logic [BlockW-1:0]      operand_block_i,
  input  logic                   operand_half_i,
  input  logic [1:0]             operand_entry_i,
  input  logic                   operand_both_i,
  input  logic                   operand_upper_i,
  output logic [LineW-1:0]       operand_o,     // two cycles later
  // Attention, while the unit is idle: reads of all banks, and floats of a row of some lanes.
  input  logic                   head_read_i,
  input  logic [AddrW-1:0]       head_raddr_i,
  output logic [32*Lanes-1:0]    held_o,        // [lane], two cycles later
  input  logic [Lanes-1:0]       head_we_i,     // [lane]
  input  logic [AddrW-1:0]       head_waddr_i,
  input  vector_pkg::value_t     head_info_i,
  input  logic [32*Lanes-1:0]    head_value_i,  // [lane]
  // What is written, or put out.
  output logic                   value_valid_o,
  output vector_pkg::value_t     value_info_o,
  output logic [Lanes-1:0]       value_lanes_o, // that are written
  output logic [AddrW-1:0]       value_addr_o,
  output logic [32*Lanes-1:0]    value_o        // [lane]
);
  localparam int unsigned TokenW    = vector_pkg::TokenW;
  localparam int unsigned SiluDelay = fp_pkg::SiluMulLatency + 1 + LanesPerSilu;
  localparam int unsigned Shares    = Lanes / LanesPerSilu;
  localparam int unsigned RoundW    = BlockW + 5 - $clog2(Lanes);
  localparam int unsigned Levels    = $clog2(Lanes);
  if (Lanes < 2 || 2 ** Levels != Lanes || Shares * LanesPerSilu != Lanes) begin : gen_check_lanes
    $error("Lanes must be a power of two, at least 2, and a multiple of LanesPerSilu");
  end
  if (Slots > accllm_pkg::MaxSlots || RoundW > AddrW) begin : gen_check_sizes
    $error("Slots must be at most MaxSlots, and Words no fewer than the rounds of Blocks");
  end

  // What all lanes share.
  logic              control_idle, code_valid;
  logic [1:0]        issued, popped, side_we;
  logic [2:0]        segment, float_tile;
  logic [3:0]        scale_tile;
  logic [4:0]        side_addr;
  logic [AddrW-1:0]  raddr, round;
  logic [TokenW-1:0] scalar_token;
  logic              is_head, head_read_q;
  logic [AddrW-1:0]  head_raddr_q;
  vector_pkg::lane_t   lane;
  vector_pkg::code_t   code_info;
  vector_pkg::scalar_e scalar_kind;
  side_control u_side (
    .clk_i, .rst_ni, .beat_i(side_beat_i), .is_float_i(side_is_float_i), .ready_o(side_ready_o),
    .issued_i(issued), .popped_i(popped), .available_o, .segment_o(segment), .we_o(side_we),
    .waddr_o(side_addr), .scale_tile_o(scale_tile), .float_tile_o(float_tile)
  );
  vector_control #(.Words(Words), .SiluDelay(SiluDelay)) u_control (
    .clk_i, .rst_ni, .op_i, .raddr_i, .waddr_i, .idle_o(control_idle), .head_read_i(head_read_q),
    .head_raddr_i(head_raddr_q), .head_valid_i(is_head), .head_waddr_i, .head_value_i(head_info_i),
    .scale_tile_i(scale_tile),
    .float_tile_i(float_tile), .issued_o(issued), .popped_o(popped), .lane_o(lane),
    .raddr_o(raddr), .waddr_o(value_addr_o), .scalar_o(scalar_kind),
    .scalar_token_o(scalar_token), .code_valid_o(code_valid), .code_o(code_info), .round_o(round),
    .value_valid_o, .value_o(value_info_o)
  );

  assign is_head       = head_we_i != '0;
  assign value_lanes_o = is_head ? head_we_i : '1;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) head_read_q <= 1'b0;
    else head_read_q <= head_read_i;
    head_raddr_q <= head_raddr_i;
  end

  logic [31:0] scalar, scalar_q, scalar2_q;
  always_ff @(posedge clk_i) begin
    scalar_q  <= scalar;
    scalar2_q <= scalar_q;
  end

  logic [32*Lanes-1:0] gates, ups, silus;
  logic [8*Lanes-1:0]  codes;
  for (genvar l = 0; l < Lanes; l++) begin : gen_lane
    vector_lane #(.Words(Words)) u_lane (
      .clk_i, .control_i(lane), .raddr_i(raddr), .waddr_i(value_addr_o), .scalar_i(scalar2_q),
      .segment_i(segment), .side_we_i(side_we), .side_addr_i(side_addr),
      .word_i(word_i[512*l +: 512]), .sum_i(sum_i[32*l +: 32]), .gate_o(gates[32*l +: 32]),
      .up_o(ups[32*l +: 32]), .silu_i(silus[32*l +: 32]), .is_head_i(is_head),
      .head_we_i(head_we_i[l]), .head_value_i(head_value_i[32*l +: 32]),
      .held_o(held_o[32*l +: 32]), .code_o(codes[8*l +: 8]),
      .value_o(value_o[32*l +: 32])
    );
  end
  for (genvar i = 0; i < Shares; i++) begin : gen_share
    localparam int unsigned ShareW = 32 * LanesPerSilu;
    silu_share #(.Lanes(LanesPerSilu)) u_silu (
      .clk_i, .start_i(lane.starts_silu), .gate_i(gates[ShareW*i +: ShareW]),
      .up_i(ups[ShareW*i +: ShareW]), .result_o(silus[ShareW*i +: ShareW])
    );
  end

  // Sums of squares.
  logic [Slots-1:0]    settled;
  logic [32*Slots-1:0] totals;
  for (genvar t = 0; t < Slots; t++) begin : gen_squares
    logic        is_issued, taken, has_total;
    logic [31:0] total, total_q;
    assign is_issued = op_i.valid && op_i.squares && op_i.token == TokenW'(t);
    row_room u_room (
      .clk_i, .rst_ni, .issued_i(is_issued), .last_i(op_i.last), .taken_i(taken),
      .summed_i(has_total), .ready_o(square_ready_o[t]), .settled_o(settled[t])
    );
    sum_squares #(.Lanes(Lanes)) u_squares (
      .clk_i, .rst_ni,
      .push_i(value_valid_o && value_info_o.squares && value_info_o.token == TokenW'(t)),
      .last_i(value_info_o.last), .row_i(value_o), .taken_o(taken), .valid_o(has_total),
      .total_o(total)
    );
    always_ff @(posedge clk_i) if (has_total) total_q <= total;
    assign totals[32*t +: 32] = total_q;
  end

  // Largest magnitudes. The unit is idle when the last one has come.
  logic              counts;
  logic [TokenW-1:0] largest_token;
  logic [30:0]       largest;
  logic [Slots-1:0]  clear;
  logic [31*Slots-1:0] largests;
  largest_tree #(.Lanes(Lanes)) u_tree (.clk_i, .value_i(value_o), .largest_o(largest));
  pipe_valid #(.Width(TokenW), .Stages(Levels)) u_counts (
    .clk_i, .rst_ni, .en_i(1'b1), .valid_i(value_valid_o && value_info_o.largest),
    .data_i(value_info_o.token), .valid_o(counts), .data_o(largest_token)
  );
  for (genvar t = 0; t < Slots; t++) begin : gen_largest
    logic [30:0] largest_q, larger;
    fp_larger_magnitude u_larger (.a_i(largest_q), .b_i(largest), .larger_o(larger));
    always_ff @(posedge clk_i) begin
      if (!rst_ni || clear[t]) largest_q <= '0;
      else if (counts && largest_token == TokenW'(t)) largest_q <= larger;
    end
    assign largests[31*t +: 31] = largest_q;
  end
  logic [Levels:0] was_idle_q;
  always_ff @(posedge clk_i) was_idle_q <= {was_idle_q[Levels-1:0], control_idle};
  assign idle_o = control_idle && was_idle_q == '1;

  scalar_unit #(.Slots(Slots)) u_scalars (
    .clk_i, .rst_ni, .start_i(scalar_start_i), .ready_o(scalar_ready_o), .is_a8_i(scalar_is_a8_i),
    .buffer_i(scalar_buffer_i), .last_token_i, .n_i, .eps_i, .total_valid_i(settled),
    .total_i(totals), .largest_i(largests), .clear_o(clear), .scalar_i(scalar_kind),
    .token_i(scalar_token[SlotW-1:0]), .scalar_o(scalar)
  );
  activation_buffer #(.Lanes(Lanes), .Slots(Slots), .Blocks(Blocks)) u_activations (
    .clk_i, .we_i(code_valid), .wbuffer_i(code_info.buffer),
    .wtoken_i(code_info.token[SlotW-1:0]), .row_i(code_info.row), .round_i(round[RoundW-1:0]),
    .code_i(codes), .re_i(operand_read_i), .rbuffer_i(operand_buffer_i),
    .block_i(operand_block_i), .half_i(operand_half_i), .entry_i(operand_entry_i),
    .both_i(operand_both_i), .upper_i(operand_upper_i), .line_o(operand_o)
  );

  logic unused;
  assign unused = ^{scalar_token, code_info.token, round};
endmodule
