// A signed integer to binary32, rounded to nearest even. One result a cycle.
//
// A negative integer is taken as its complement, one less than its magnitude. The one that is
// missing is worth one in the last place of all, and only rounding has to know.
module int_to_fp #(
  parameter int unsigned Width = 32
) (
  input  logic             clk_i,
  input  logic             en_i,
  input  logic [Width-1:0] int_i,
  output logic [31:0]      result_o
);
  localparam int unsigned Latency = fp_pkg::FromIntLatency;
  localparam int unsigned CountW = $clog2(Width);
  if (Latency != 3) begin : gen_check_latency
    $error("int_to_fp has three stages");
  end
  if (Width < 28 || Width > 64 || Width % 4 != 0) begin : gen_check_width
    $error("Width must be a multiple of 4 from 28 to 64");
  end

  // Stage 1: zeros in front of the complement, which is given a one behind it to have a first one.
  logic              sign;
  logic [CountW:0]   zeros;
  logic [Width-1:0]  int_q;
  logic [CountW-1:0] zeros_q;
  logic              unused_top;
  assign sign = int_i[Width-1];
  fp_leading_zeros #(.Width(Width)) u_zeros (
    .value_i({int_i[Width-2:0] ^ {(Width-1){sign}}, 1'b1}), .zeros_o(zeros)
  );
  assign unused_top = zeros[CountW];
  always_ff @(posedge clk_i) begin
    if (en_i) begin
      int_q   <= int_i;
      zeros_q <= zeros[CountW-1:0];
    end
  end

  // Stage 2: the first one goes to the top.
  logic [Width-1:0] shifted;
  logic [23:0]      man_q;
  logic             guard_q, rest_q, sign_q;
  logic [7:0]       exp_q;
  assign shifted = {int_q[Width-2:0], 1'b0} << zeros_q;
  always_ff @(posedge clk_i) begin
    if (en_i) begin
      {man_q, guard_q} <= shifted[Width-1 -: 25] ^ {25{int_q[Width-1]}};
      rest_q           <= shifted[Width-26:0] != '0;
      exp_q            <= 8'(127 + Width - 2) - 8'(zeros_q);
      sign_q           <= int_q[Width-1];
    end
  end

  // Stage 3: rounding. Without a rest, a complement ends in nothing but ones: it is one guard less
  // than the magnitude.
  logic        up;
  logic [30:0] rounded;
  assign up      = sign_q ? guard_q || (man_q[0] && !rest_q) : guard_q && (man_q[0] || rest_q);
  assign rounded = {exp_q, man_q[22:0]} + 31'(up);
  always_ff @(posedge clk_i) begin
    if (en_i) result_o <= {sign_q, man_q[23] ? rounded : 31'd0};
  end
endmodule
