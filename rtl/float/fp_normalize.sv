// Unpacks a binary32 magnitude: subnormal numbers get a leading one and a lower exponent.
// Combinational.
module fp_normalize #(
  parameter int unsigned Subnormals = 1  // 0: none come
) (
  input  logic [30:0]       value_i,
  output logic [23:0]       man_o,   // bit 23 is set unless the value is 0
  output logic signed [9:0] exp_o,   // biased, -22 to 255
  output logic              is_zero_o,
  output logic              is_infinite_o,
  output logic              is_nan_o
);
  logic       is_low, is_all, is_empty;
  logic [4:0] zeros;
  assign is_low   = value_i[30:23] == 8'd0;
  assign is_all   = value_i[30:23] == 8'hFF;
  assign is_empty = value_i[22:0] == 23'd0;
  if (Subnormals != 0) begin : gen_zeros
    fp_leading_zeros #(.Width(24)) u_zeros (.value_i({!is_low, value_i[22:0]}), .zeros_o(zeros));
  end else begin : gen_no_zeros
    assign zeros = 5'd0;
  end

  assign man_o         = {!is_low, value_i[22:0]} << zeros;
  assign exp_o         = $signed({2'b00, value_i[30:24], value_i[23] || is_low}) - 10'(zeros);
  assign is_zero_o     = is_low && is_empty;
  assign is_infinite_o = is_all && is_empty;
  assign is_nan_o      = is_all && !is_empty;
endmodule
