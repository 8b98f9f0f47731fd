// The scale of a vector, binary16(min(widest / 225, 65504)), and 1 / (15 scale). A vector may begin
// every eight cycles, in phase 3; its results come 63 cycles later. The divider is that of
// kv4_quantize, which takes dividend_o / 225 in phase 3 and 1 / fifteen_o in phase 5.
module kv4_scale (
  input  logic        clk_i,
  input  logic        rst_ni,
  input  logic [2:0]  phase_i,
  input  logic        valid_i,
  output logic        ready_o,
  input  logic        is_finite_i,
  output logic [30:0] fifteen_o,
  input  logic [31:0] quotient_i,
  output logic        valid_o,
  output logic [15:0] scale_o,
  output logic        is_finite_o
);
  // Vectors on their way, by when they began, in units of eight cycles.
  localparam int unsigned Ages = 8;
  logic [Ages-1:0] valid_q, is_finite_q;
  logic            take;
  assign take    = valid_i && phase_i == 3'd3;
  assign ready_o = phase_i == 3'd3;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) valid_q <= '0;
    else if (phase_i == 3'd3) valid_q <= {valid_q[Ages-2:0], take};
    if (phase_i == 3'd3) is_finite_q <= {is_finite_q[Ages-2:0], is_finite_i};
  end

  // The first quotient comes after 29 cycles and is rounded in phase 2. The second takes 32 more.
  localparam int unsigned Waits = 4;
  logic [15:0] scale;
  logic [15:0] scale_q [Waits];
  fp_to_half #(.Saturate(1)) u_scale (.clk_i, .en_i(1'b1), .x_i(quotient_i), .half_o(scale));
  always_ff @(posedge clk_i) begin
    if (phase_i == 3'd2) begin
      scale_q[0] <= scale;
      for (int unsigned i = 1; i < Waits; i++) scale_q[i] <= scale_q[i-1];
    end
  end

  // 15 times the scale is exact.
  logic [10:0] man;
  logic [4:0]  exp;
  logic [14:0] fifteen_q;
  logic [30:0] fifteen;
  assign man = {scale_q[0][14:10] != 5'd0, scale_q[0][9:0]};
  assign exp = {scale_q[0][14:11], scale_q[0][10] || scale_q[0][14:10] == 5'd0};
  kv4_float u_fifteen (.int_i({4'd0, fifteen_q}), .exp_i(exp), .result_o(fifteen));
  always_ff @(posedge clk_i) begin
    if (phase_i == 3'd3) fifteen_q <= {man, 4'd0} - {4'd0, man};
    if (phase_i == 3'd4) fifteen_o <= fifteen;
  end

  assign valid_o     = valid_q[Ages-1] && phase_i == 3'd2;
  assign scale_o     = scale_q[Waits-1];
  assign is_finite_o = is_finite_q[Ages-1];
endmodule
