// Sums of 32 squares: of those 16, 8, 4, 2 and 1 elements apart. A group comes in eight beats of
// four, in slots 0 to 7, and the next may follow at once. Its sum is there in slot 5, 37 cycles
// after its first beat.
//
// A column has one adder, which is busy seven or eight cycles of eight: slots 4 to 7 add beats 4
// apart; 2 and 3 the results of these, 2 beats apart; 0 those, 1 beat apart. In slot 1 columns are
// added: those two apart by the first two adders, and, a group later, what this gives by the third.
module kv4_error_sum (
  input  logic         clk_i,
  input  logic [2:0]   slot_i,
  input  logic [123:0] squares_i,  // 4 without sign
  output logic [30:0]  sum_o       // in slot 5
);
  if (fp_pkg::AddLatency != 4) begin : gen_check_latency
    $error("kv4_error_sum's schedule is that of an adder with four stages");
  end

  logic [30:0] sum [4];
  logic [30:0] sum_4_q [4];
  logic [30:0] sum_5_q [4];
  for (genvar i = 0; i < 4; i++) begin : gen_column
    logic [30:0] x, x_4, a, b, sum_1_q, sum_2_q, sum_3_q;
    logic [30:0] across_a, across_b;
    assign x = squares_i[31*i +: 31];
    delay_ring #(.Width(31), .Delay(4)) u_beats (.clk_i, .en_i(1'b1), .data_i(x), .data_o(x_4));
    if (i < 2) begin : gen_across
      assign across_a = sum_5_q[i];
      assign across_b = sum_5_q[i+2];
    end else begin : gen_last
      assign across_a = sum_4_q[0];
      assign across_b = sum_4_q[1];
    end
    always_comb begin
      unique case (slot_i)
        3'd0:       {a, b} = {sum_2_q, sum_1_q};
        3'd1:       {a, b} = {across_a, across_b};
        3'd2, 3'd3: {a, b} = {sum_2_q, sum[i]};
        default:    {a, b} = {x_4, x};
      endcase
    end
    fp_add_positive u_add (.clk_i, .en_i(1'b1), .a_i(a), .b_i(b), .sum_o(sum[i]));
    always_ff @(posedge clk_i) begin
      sum_1_q    <= sum[i];
      sum_2_q    <= sum_1_q;
      sum_3_q    <= sum_2_q;
      sum_4_q[i] <= sum_3_q;
      sum_5_q[i] <= sum_4_q[i];
    end
  end
  assign sum_o = sum[2];
endmodule
