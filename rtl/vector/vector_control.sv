// The way of an operation through the lanes, which all take the same step in the same cycle.
//
// Operations of one kind may follow each other in every cycle, those of SiLU as often as its pipes
// take them. One of another kind comes when idle_o is high: kinds use the bank and the floats in
// different stages.
module vector_control #(
  parameter int unsigned Words = 4096,    // of a bank
  parameter int unsigned SiluDelay = 71,  // from AddStage to the write of what SiLU gave
  localparam int unsigned AddrW = $clog2(Words)
) (
  input  logic                          clk_i,
  input  logic                          rst_ni,
  input  vector_pkg::op_t               op_i,
  input  logic [AddrW-1:0]              raddr_i,
  input  logic [AddrW-1:0]              waddr_i,
  output logic                          idle_o,
  // Attention, while there are no operations: reads of the banks, and a row that it writes.
  input  logic                          head_read_i,
  input  logic [AddrW-1:0]              head_raddr_i,
  input  logic                          head_valid_i,
  input  logic [AddrW-1:0]              head_waddr_i,
  input  vector_pkg::value_t            head_value_i,
  // Tiles of scales and floats.
  input  logic [3:0]                    scale_tile_i,
  input  logic [2:0]                    float_tile_i,
  output logic [1:0]                    issued_o,
  output logic [1:0]                    popped_o,
  // To the lanes.
  output vector_pkg::lane_t             lane_o,
  output logic [AddrW-1:0]              raddr_o,
  output logic [AddrW-1:0]              waddr_o,
  // In ReadStage: which scalar goes to the multiplier two cycles later.
  output vector_pkg::scalar_e           scalar_o,
  output logic [vector_pkg::TokenW-1:0] scalar_token_o,
  // With the codes, and with what is written or put out.
  output logic                          code_valid_o,
  output vector_pkg::code_t             code_o,
  output logic [AddrW-1:0]              round_o,
  output logic                          value_valid_o,
  output vector_pkg::value_t            value_o
);
  localparam int unsigned RowW         = vector_pkg::RowW;
  localparam int unsigned TokenW       = vector_pkg::TokenW;
  localparam int unsigned CodeW        = vector_pkg::CodeW;
  localparam int unsigned ValueW       = vector_pkg::ValueW;
  localparam int unsigned ReadStage    = vector_pkg::ReadStage;
  localparam int unsigned ScaleStage   = vector_pkg::ScaleStage;
  localparam int unsigned ProductStage = vector_pkg::ProductStage;
  localparam int unsigned CodeStage    = vector_pkg::CodeStage;
  localparam int unsigned BiasStage    = vector_pkg::BiasStage;
  localparam int unsigned AddStage     = vector_pkg::AddStage;
  localparam int unsigned WriteStage   = vector_pkg::WriteStage;

  // What an operation is.
  logic is_load, is_result, is_norm, is_quantize, is_add, is_silu, is_output, reads_late;
  assign is_load     = op_i.kind == vector_pkg::KindLoad;
  assign is_result   = op_i.kind == vector_pkg::KindResult;
  assign is_norm     = op_i.kind == vector_pkg::KindNorm;
  assign is_quantize = op_i.kind == vector_pkg::KindQuantize;
  assign is_add      = is_result && op_i.epilogue == accllm_pkg::EpilogueAdd;
  assign is_silu     = is_result && op_i.epilogue == accllm_pkg::EpilogueSiluMul;
  assign is_output   = is_result && op_i.epilogue == accllm_pkg::EpilogueOutput;
  assign reads_late  = is_add || is_silu;
  assign issued_o    = {op_i.pop_floats, op_i.pop_scales};

  // In each stage, what it needs of that.
  logic              reads_early, late_read;
  logic [RowW-1:0]   scale_row, weight_row, float_row;
  logic [AddrW-1:0]  early_addr, late_addr;
  logic [1:0]        scalar_kind;
  pipe_valid #(.Width(AddrW + RowW + TokenW + 3), .Stages(ReadStage)) u_read (
    .clk_i, .rst_ni, .en_i(1'b1), .valid_i(op_i.pop_scales),
    .data_i({is_norm || is_quantize, raddr_i, op_i.row, op_i.token,
             is_result ? {1'b1, op_i.buffer} : {1'b0, is_quantize}}),
    .valid_o(popped_o[0]),
    .data_o({reads_early, early_addr, scale_row, scalar_token_o, scalar_kind})
  );
  always_comb begin
    unique case (scalar_kind)
      2'd0:    scalar_o = vector_pkg::ScalarInverseRms;
      2'd1:    scalar_o = vector_pkg::ScalarInverse;
      2'd2:    scalar_o = vector_pkg::ScalarScale0;
      default: scalar_o = vector_pkg::ScalarScale1;
    endcase
  end

  logic from_bank, unused_scale_valid;
  pipe_valid #(.Width(1), .Stages(ScaleStage - 1)) u_scale (
    .clk_i, .rst_ni, .en_i(1'b1), .valid_i(1'b0), .data_i(is_norm || is_quantize),
    .valid_o(unused_scale_valid), .data_o(from_bank)
  );

  // Floats are read a cycle before they are taken.
  logic reads_weight, pops_weight, takes_weight;
  pipe_valid #(.Width(RowW + 1), .Stages(ProductStage - 2)) u_product (
    .clk_i, .rst_ni, .en_i(1'b1),
    .valid_i(is_norm && (op_i.valid || op_i.pop_floats)), .data_i({op_i.row, op_i.pop_floats}),
    .valid_o(reads_weight), .data_o({weight_row, pops_weight})
  );

  logic reads_float, pops_float, adds_float;
  pipe_valid #(.Width(RowW + 1), .Stages(BiasStage - 2)) u_float (
    .clk_i, .rst_ni, .en_i(1'b1), .valid_i(op_i.pop_floats && !is_norm),
    .data_i({op_i.row, is_load || (is_result && op_i.has_bias)}),
    .valid_o(pops_float), .data_o({float_row, reads_float})
  );
  assign popped_o[1] = pops_float || (reads_weight && pops_weight);
  always_ff @(posedge clk_i) {takes_weight, adds_float} <= {reads_weight, reads_float};

  logic loads, unused_load_valid;
  pipe_valid #(.Width(1), .Stages(BiasStage)) u_load (
    .clk_i, .rst_ni, .en_i(1'b1), .valid_i(1'b0), .data_i(is_load), .valid_o(unused_load_valid),
    .data_o(loads)
  );

  logic late_valid, adds_bank;
  pipe_valid #(.Width(AddrW + 1), .Stages(AddStage - 2)) u_late_read (
    .clk_i, .rst_ni, .en_i(1'b1), .valid_i(op_i.valid && reads_late),
    .data_i({raddr_i, reads_late}), .valid_o(late_valid), .data_o({late_addr, late_read})
  );
  always_ff @(posedge clk_i) adds_bank <= late_read;

  logic codes_zero;
  pipe_valid #(.Width(AddrW + CodeW + 1), .Stages(CodeStage)) u_code (
    .clk_i, .rst_ni, .en_i(1'b1), .valid_i(op_i.valid && is_quantize),
    .data_i({op_i.zero, waddr_i, op_i.buffer, op_i.row, op_i.token}), .valid_o(code_valid_o),
    .data_o({codes_zero, round_o, code_o})
  );

  // What is written comes from SiLU, later, or from the lane.
  vector_pkg::value_t value;
  logic               starts_silu, silu_valid, own_valid;
  logic [AddrW-1:0]   silu_addr, late_waddr, own_waddr;
  logic [ValueW-1:0]  silu_value, late_value, own_value;
  assign value = {is_output, op_i.squares, op_i.last, op_i.largest, op_i.row, op_i.token};
  pipe_valid #(.Width(AddrW + ValueW), .Stages(WriteStage)) u_write (
    .clk_i, .rst_ni, .en_i(1'b1), .valid_i(op_i.valid && !is_quantize && !is_silu),
    .data_i({waddr_i, value}), .valid_o(own_valid), .data_o({own_waddr, own_value})
  );
  pipe_valid #(.Width(AddrW + ValueW), .Stages(AddStage)) u_silu (
    .clk_i, .rst_ni, .en_i(1'b1), .valid_i(op_i.valid && is_silu), .data_i({waddr_i, value}),
    .valid_o(starts_silu), .data_o({silu_addr, silu_value})
  );
  logic [SiluDelay-1:0] in_silu_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) in_silu_q <= '0;
    else in_silu_q <= {in_silu_q[SiluDelay-2:0], starts_silu};
  end
  delay_ring #(.Width(AddrW + ValueW), .Delay(SiluDelay)) u_silu_wait (
    .clk_i, .en_i(1'b1), .data_i({silu_addr, silu_value}), .data_o({late_waddr, late_value})
  );
  assign silu_valid    = in_silu_q[SiluDelay-1];
  assign value_valid_o = own_valid || silu_valid || head_valid_i;
  always_comb begin
    value_o = silu_valid ? late_value : own_value;
    waddr_o = silu_valid ? late_waddr : own_waddr;
    if (head_valid_i) begin
      value_o = head_value_i;
      waddr_o = head_waddr_i;
    end
    raddr_o = late_valid ? late_addr : early_addr;
    if (head_read_i) raddr_o = head_raddr_i;
  end
  assign lane_o  = {
    late_valid || reads_early || head_read_i, {scale_tile_i, scale_row}, from_bank, takes_weight,
    {float_tile_i, reads_weight ? weight_row : float_row}, adds_float, loads, adds_bank,
    starts_silu, codes_zero, (own_valid || silu_valid) && !value_o.is_output, silu_valid
  };

  // Cycles until nothing is on its way.
  localparam int unsigned LeftW = 8;
  localparam int unsigned SiluStage = AddStage + SiluDelay;
  logic [LeftW-1:0] left_q, less, own;
  assign less   = left_q == '0 ? '0 : left_q - 1'b1;
  assign own    = is_silu ? LeftW'(SiluStage) : LeftW'(WriteStage);
  assign idle_o = left_q == '0;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) left_q <= '0;
    else left_q <= op_i.valid && own > less ? own : less;
  end
  if (SiluStage >= 2 ** LeftW || SiluDelay < 2) begin : gen_check_delay
    $error("SiluDelay must be at least 2, and fit the counter");
  end
endmodule
