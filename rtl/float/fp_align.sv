// The mantissa of the smaller addend at the place of the larger one: 24 bits, a guard, a round and
// a sticky bit. From 32 places on, nothing but the sticky bit is left. Combinational.
module fp_align (
  input  logic [30:0] small_i,
  input  logic [7:0]  distance_i,
  output logic [26:0] addend_o
);
  logic is_far;
  assign is_far = distance_i[7:5] != 3'd0;
  fp_shift_right #(.InW(26), .AmountW(5)) u_shift (
    .value_i({small_i[30:23] != 8'd0, small_i[22:0], 2'b00}),
    .amount_i(distance_i[4:0] | {5{is_far}}), .shifted_o(addend_o[26:1]),
    .is_inexact_o(addend_o[0])
  );
endmodule
