// A lane of the vector unit: a bank of floats, what it keeps of its stream, and one element a cycle
// through two multipliers and two adders.
//
//     result:    y = float(sum) * (row scale * scale) + bias, then stored, added or put out
//     norm:      y = (x * inv) * weight
//     quantize:  code = round(x * inverse)
//     load:      y = float
//
// Attention reads the bank and writes to it beside this, while there are no operations.
//
// Where there is nothing to add, -0 is: it changes no number.
module vector_lane #(
  parameter int unsigned Words = 4096,  // of the bank
  localparam int unsigned AddrW = $clog2(Words)
) (
  input  logic              clk_i,
  // The same in all lanes.
  input  vector_pkg::lane_t control_i,
  input  logic [AddrW-1:0]  raddr_i,
  input  logic [AddrW-1:0]  waddr_i,
  input  logic [31:0]       scalar_i,    // in ScaleStage
  input  logic [2:0]        segment_i,   // of the word that lane_side writes
  input  logic [1:0]        side_we_i,
  input  logic [4:0]        side_addr_i,
  // This lane's.
  input  logic [511:0]      word_i,      // [segment]
  input  logic [31:0]       sum_i,       // with the operation
  output logic [31:0]       gate_o,      // in AddStage
  output logic [31:0]       up_o,
  input  logic [31:0]       silu_i,      // when it is written
  input  logic              is_head_i,   // attention writes: to this lane, if head_we_i is high
  input  logic              head_we_i,
  input  logic [31:0]       head_value_i,
  output logic [31:0]       held_o,      // a cycle after a read
  output logic [7:0]        code_o,      // in CodeStage
  output logic [31:0]       value_o      // what is written or put out
);
  localparam logic [31:0] MinusZero = 32'h8000_0000;
  localparam int unsigned SumDelay = vector_pkg::ProductStage - 1 - fp_pkg::FromIntLatency;
  if (vector_pkg::ProductStage != vector_pkg::ScaleStage + fp_pkg::MulLatency ||
      vector_pkg::CodeStage != vector_pkg::ProductStage + fp_pkg::ToIntLatency ||
      vector_pkg::BiasStage != vector_pkg::ProductStage + fp_pkg::MulLatency ||
      vector_pkg::AddStage != vector_pkg::BiasStage + fp_pkg::AddLatency ||
      vector_pkg::WriteStage != vector_pkg::AddStage + fp_pkg::AddLatency) begin : gen_check_stages
    $error("the stages of vector_pkg must be those of the units");
  end

  logic [15:0] scale;
  logic [31:0] side_float, held;
  lane_side u_side (
    .clk_i, .word_i, .segment_i, .we_i(side_we_i), .waddr_i(side_addr_i),
    .scale_addr_i(control_i.scale_addr), .scale_o(scale), .float_addr_i(control_i.float_addr),
    .float_o(side_float)
  );
  ram_1w1r #(.Width(32), .Depth(Words), .Style("block")) u_bank (
    .clk_i, .we_i(control_i.write || head_we_i), .waddr_i, .wdata_i(value_o),
    .re_i(control_i.read), .raddr_i, .rdata_o(held)
  );

  // The first product: of what the bank holds, or of a row's scale.
  logic [31:0] x_q, scaled;
  always_ff @(posedge clk_i) x_q <= control_i.from_bank ? held : {scale, 16'd0};
  fp_mul u_scale (.clk_i, .en_i(1'b1), .a_i(x_q), .b_i(scalar_i), .product_o(scaled));

  logic [7:0] code;
  fp_to_int #(.Width(8), .Low(-127), .High(127), .OfNan(0)) u_code (
    .clk_i, .en_i(1'b1), .x_i(scaled), .int_o(code)
  );
  assign code_o = control_i.zero ? 8'd0 : code;

  // The second: with a weight, or with the sum.
  logic        unused_valid;
  logic [31:0] sum, sum_float, factor_q, product;
  pipe_valid #(.Width(32), .Stages(SumDelay)) u_sum (
    .clk_i, .rst_ni(1'b1), .en_i(1'b1), .valid_i(1'b0), .data_i(sum_i), .valid_o(unused_valid),
    .data_o(sum)
  );
  int_to_fp #(.Width(32)) u_float (.clk_i, .en_i(1'b1), .int_i(sum), .result_o(sum_float));
  always_ff @(posedge clk_i) factor_q <= control_i.is_norm ? side_float : sum_float;
  fp_mul u_product (.clk_i, .en_i(1'b1), .a_i(scaled), .b_i(factor_q), .product_o(product));

  // The bias, or a float that is loaded.
  logic [31:0] float_q, y;
  always_ff @(posedge clk_i) float_q <= control_i.adds_float ? side_float : MinusZero;
  fp_add u_bias (
    .clk_i, .en_i(1'b1), .a_i(control_i.is_load ? MinusZero : product), .b_i(float_q), .sum_o(y)
  );

  // What the bank holds; for SiLU that is the gate.
  logic [31:0] held_q, total;
  always_ff @(posedge clk_i) held_q <= control_i.adds_bank ? held : MinusZero;
  fp_add u_add (.clk_i, .en_i(1'b1), .a_i(y), .b_i(held_q), .sum_o(total));
  assign gate_o  = held_q;
  assign up_o    = y;
  assign held_o  = held;
  always_comb begin
    value_o = control_i.from_silu ? silu_i : total;
    if (is_head_i) value_o = head_we_i ? head_value_i : '0;
  end

  logic unused;
  assign unused = control_i.starts_silu;
endmodule
