// An integer times 2^(exp - 25) as binary32 without sign, exact: products of binary16 numbers,
// whose mantissas count 2^(exp - 25), with small integers. Combinational.
module kv4_float (
  input  logic [18:0] int_i,
  input  logic [4:0]  exp_i,
  output logic [30:0] result_o
);
  logic [4:0]  zeros;
  logic [18:0] shifted;
  fp_leading_zeros #(.Width(19)) u_zeros (.value_i(int_i), .zeros_o(zeros));
  assign shifted  = int_i << zeros;
  assign result_o = shifted[18] ? {8'd120 + 8'(exp_i) - 8'(zeros), shifted[17:0], 5'd0} : 31'd0;
endmodule
